"""An entry of a feed -> an extraction with the feed's own words, marked as such."""

import lxml.html
from lxml import etree
from lxml.html import HtmlElement

from ingest.article import Credit
from ingest.entry import Entry
from ingest.extract.freeze import cut, freeze, one_line
from ingest.extract.item import Extraction
from ingest.extract.tree import PARSER

MOST_CONTENT = 2_000_000  # characters of HTML that are read
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
_UNREAD = ("script", "style", "template", "noscript", "svg", "iframe", "object", "figcaption", "form")


def read(entry: Entry) -> Extraction:
    """The item's own body where the feed gives one, else its summary; `path` says which. Never raises."""
    text, path = paragraphs(entry.content), "feed:content"
    if not text:
        text, path = freeze("\n".join(filter(None, map(_folded, entry.summary.splitlines())))), "feed:summary"
    text, is_cut = cut(text)
    author = one_line(entry.author)
    return Extraction(
        title=one_line(entry.title),
        title_source="feed",
        text=text,
        language=one_line(entry.language),
        published=entry.published,
        authors=(Credit(name=author, source="feed"),) if author else (),
        path=path,
        flags=("text-cut",) if is_cut else (),
    )


def paragraphs(html: str) -> str:
    """The text of a piece of HTML, frozen, a line for each paragraph.

    >>> paragraphs("<p>Rain<b>bow</b> &amp; sun.</p><ul><li>One<li>Two</ul>")
    'Rainbow & sun.\\nOne\\nTwo'
    """
    if not html.strip():
        return ""
    data = freeze(html[:MOST_CONTENT]).encode("utf-8")
    try:
        root = lxml.html.document_fromstring(b"<html><body>" + data, parser=PARSER)
    except (etree.ParserError, ValueError):
        return ""
    etree.strip_elements(root, *_UNREAD, with_tail=False)
    lines = "".join(_parts(root)).split("\n")
    return freeze("\n".join(filter(None, map(_folded, lines))))


def _parts(root: HtmlElement) -> list[str]:
    """Texts in order, with a newline where a block begins or ends. Without recursion: feeds nest deeply."""
    parts: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if element.tag in _BLOCKS:
            parts.append("\n")
        text = element.text if event == "start" else element.tail
        if text:
            parts.append(text.replace("\n", " "))
    return parts


def _folded(line: str) -> str:
    return " ".join(line.split())
