"""UTF-8 bytes of a page -> one tree that everything reads, and what is taken out of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import lxml.html
from lxml import etree
from lxml.html import HtmlComment, HtmlElement, HtmlEntity, HTMLParser, HtmlProcessingInstruction

MOST_ELEMENTS = 25_000  # of 139 real pages the largest has 3,319; trafilatura takes over 30 s for some hundred thousand
MOST_TAGS = 300_000  # counted before parsing: beyond it only the head of the page is parsed at all
HEAD_BYTES = 512 * 1024
MOST_ATTRIBUTES = 200
LONG_TAG_BYTES = 20_000
UNREAD = ("style", "svg", "link", "script", "noscript", "nav", "footer", "dialog", "menu")  # no text is lost with them

PARSER = HTMLParser(collect_ids=False, default_doctype=False, encoding="utf-8", remove_comments=True, remove_pis=True)
PARSER.set_element_class_lookup(
    etree.ElementDefaultClassLookup(
        element=HtmlElement, comment=HtmlComment, pi=HtmlProcessingInstruction, entity=HtmlEntity
    )
)
_count = etree.XPath("count(//*)")
_crowded = etree.XPath(f"//*[@*[{MOST_ATTRIBUTES}]]")
_rescue = re.compile(r"articleBody|reviewBody|DiscussionForumPosting|recipeInstructions|acceptedAnswer")


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed page; `refused` says why its text must not be read, empty where it may."""

    root: HtmlElement
    refused: str = ""


def parse(data: bytes) -> Page | None:
    """The page as a tree, None where the bytes hold no HTML.

    Pages with too many elements are parsed for what their head says, and refused.
    """
    start = data[:512].lstrip()[:1]
    if b"<" not in data or start in (b"{", b"["):
        return None
    refused = ""
    if len(data) > MOST_TAGS and data.count(b"<") > MOST_TAGS:
        data, refused = data[:HEAD_BYTES], "elements"
    try:
        root = lxml.html.document_fromstring(_with_short_tags(data), parser=PARSER)
    except (etree.ParserError, ValueError):
        return None
    for element in _elements(_crowded(root)):  # each copy of the tree would pay for them again
        element.attrib.clear()
    many = _count(root)
    return Page(root, refused or ("elements" if isinstance(many, float) and many > MOST_ELEMENTS else ""))


def _with_short_tags(data: bytes) -> bytes:
    """Without the attributes of tags that have thousands: libxml2 takes quadratic time for each tag."""
    parts, kept = [], 0
    for start, end in _long_stretches(data):
        tag = data.rfind(b"<", start, end)
        said = data[max(tag, start) : end]
        crowded = max(said.count(b"="), len(said.split())) > 10 * MOST_ATTRIBUTES
        if tag >= 0 and crowded and said[1:2].isalpha():
            parts.append(data[kept:tag] + said.split(None, 1)[0])
            kept = end
    return b"".join(parts) + data[kept:] if parts else data


def _long_stretches(data: bytes) -> Iterator[tuple[int, int]]:
    """Where over LONG_TAG_BYTES stand without a ">": tags that long, scripts, texts."""
    start = 0
    while start + LONG_TAG_BYTES < len(data):
        last = data.rfind(b">", start, start + LONG_TAG_BYTES)
        if last < 0:
            last = data.find(b">", start)
            yield start, len(data) if last < 0 else last
        if last < 0:
            return
        start = last + 1


def strip(root: HtmlElement) -> None:
    """Takes out what holds no text, in place, and makes plain blocks of tables that only arrange the page.

    JSON-LD that trafilatura may need for a rescue is put back.
    """
    scripts = [script.text for script in root.iter("script") if "ld+json" in (script.get("type") or "").lower()]
    kept = [text for text in scripts if text and _rescue.search(text)]
    etree.strip_elements(root, *UNREAD, with_tail=False)
    _unwrap_layout(root)
    head = root.find("head")
    for text in kept:
        script = etree.SubElement(root if head is None else head, "script", {"type": "application/ld+json"})
        script.text = text


def _unwrap_layout(root: HtmlElement) -> None:
    """Tables that arrange the page, and their cells, become plain blocks; tables of data within them stay."""
    layout = {table for table in root.iter("table") if _is_layout(table)}
    if layout:
        cells = [
            part for part in root.iter("tbody", "tr", "td", "th") if next(part.iterancestors("table"), None) in layout
        ]
        for element in (*layout, *cells):
            element.tag = "div"


def _is_layout(table: HtmlElement) -> bool:
    """Data does not hold the heading, further tables, or cells of several paragraphs."""
    if next(table.iterdescendants("h1", "table", "article"), None) is not None:
        return True
    return any(len(cell.findall("p")) > 1 for cell in table.iterdescendants("td"))


def _elements(found: object) -> list[HtmlElement]:
    return [element for element in found if isinstance(element, HtmlElement)] if isinstance(found, list) else []
