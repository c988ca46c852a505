"""A tree -> the article's text, and a byline. The door of trafilatura.

Its caches are bounded: memory is as flat over many pages without `trafilatura.meta.reset_caches` as with it.
"""

import logging

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import bare_extraction
from trafilatura.metadata import extract_author

from ingest.extract.container import Container, find_container, size_of
from ingest.extract.tree import PARSER

LEAST_SHARE = 0.5  # of the text that was seen in the container, and the other way round

# It logs each page that it finds nothing in with its address; our paths and counts tell the same without.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


def read_text(root: HtmlElement, url: str) -> tuple[str, str]:
    """The text, and by which path it was had; the tree may be changed.

    "cut": trafilatura's fast mode, on the article's container alone, where its result agrees with the running text
    that was seen there. Else "full:" and the reason: its default mode on the whole page, three times as slow.
    """
    container, reason = find_container(root)
    if container is not None:
        text, reason = _text_of_cut(container, url)
        if not reason:
            return text, "cut"
    return _extracted(root, url, fast=False), f"full:{reason}"


def read_byline(root: HtmlElement) -> str:
    """Authors as the page shows them, parted by ";"; for pages whose markup names none."""
    return extract_author(root) or ""


def _text_of_cut(container: Container, url: str) -> tuple[str, str]:
    """The container's text and no reason; or a reason not to believe it, and the tree as it was."""
    element, parent = container.element, container.element.getparent()
    if parent is None:
        return "", "no-container"
    place, tail = parent.index(element), element.tail
    alone = PARSER.makeelement("html")
    etree.SubElement(alone, "body").append(element)
    element.tail = None
    text = _extracted(alone, url, fast=True)
    size = size_of(text)
    if size < LEAST_SHARE * container.inside:
        reason = "short"
    elif container.everywhere < LEAST_SHARE * size:
        reason = "unseen-text"
    else:
        return text, ""
    parent.insert(place, element)
    element.tail = tail
    return "", reason


def _extracted(tree: HtmlElement, url: str, *, fast: bool) -> str:
    """What trafilatura finds. Never `deduplicate` (a memory across pages) nor `target_language` (loses pages)."""
    found = bare_extraction(tree, url=url, include_comments=False, fast=fast)
    return getattr(found, "text", None) or ""
