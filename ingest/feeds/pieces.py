"""The bytes of an XML feed -> its head and its items, by their tags alone: for feeds that no parser takes whole."""

import codecs
import re
from dataclasses import dataclass

ROOT = re.compile(rb"<([A-Za-z_][\w:.-]*)(?:\s[^>]{0,8000})?>", re.DOTALL)
BEFORE_ROOT = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]|\[[^\]]*\])*>)*", re.DOTALL | re.IGNORECASE)
ITEM = re.compile(rb"<((?:[\w-]+:)?(?:item|entry))(?:\s[^>]{0,2000})?>", re.IGNORECASE)
END = re.compile(rb"</(?:[\w-]+:)?(?:item|entry)\s*>", re.IGNORECASE)
DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
WIDE = (  # how a document in a wide encoding begins; the longer marks first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
TAIL_BYTES = 4096
HTML = frozenset({b"html", b"head", b"body"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A document in pieces; head, items and tail together are it, but for what stands between items."""

    head: bytes
    items: tuple[bytes, ...]
    tail: bytes

    def with_items(self, items: tuple[bytes, ...]) -> bytes:
        """The document as if it had only `items`."""
        return b"".join((self.head, *items, self.tail))


def narrow(body: bytes) -> bytes:
    """`body` with its tags readable as ASCII: a document in UTF-16 or UTF-32 as UTF-8."""
    for mark, encoding in WIDE:
        if body.startswith(mark):
            return DECLARATION.sub("", body.decode(encoding, "replace").removeprefix("\ufeff"), count=1).encode()
    return body


def split(body: bytes) -> Pieces:
    """The pieces of a narrow body; an item that was not closed is no piece."""
    items: list[bytes] = []
    first = last = None
    position = 0
    while start := ITEM.search(body, position):
        if start[0].endswith(b"/>"):
            position = start.end()
            continue
        end = END.search(body, start.end())
        if end is None:
            break
        first = start.start() if first is None else first
        last = position = end.end()
        items.append(body[start.start() : position])
    if first is None or last is None:
        return Pieces(head=body, items=(), tail=b"")
    return Pieces(head=body[:first], items=tuple(items), tail=body[last:])


def count(body: bytes) -> int:
    """How many items are closed in a narrow body."""
    return sum(1 for _ in END.finditer(body))


def is_whole(body: bytes) -> bool:
    """Whether the root of a narrow body is closed."""
    root = _root(body)
    if root is None:
        return False
    if root[0].endswith(b"/>"):
        return True
    return re.search(rb"</" + re.escape(root[1]) + rb"\s*>", body[-TAIL_BYTES:], re.IGNORECASE) is not None


def is_html(body: bytes) -> bool:
    """Whether a narrow body is a page rather than a feed."""
    root = _root(body)
    named = root is not None and root[1].lower() in HTML
    return named or re.match(rb"(?:\xef\xbb\xbf)?\s*<!doctype\s+html", body[:500], re.IGNORECASE) is not None


def bare_head(pieces: Pieces) -> bytes:
    """The least that must stand before an item: the root's tag, which holds the namespaces."""
    root = _root(pieces.head)
    if root is None:
        return b"<rss version='2.0'><channel>"
    return root[0] + (b"<channel>" if root[1].lower() == b"rss" else b"")


def _root(body: bytes) -> "re.Match[bytes] | None":
    start = BEFORE_ROOT.match(body.removeprefix(codecs.BOM_UTF8))
    skipped = (start.end() if start else 0) + (3 if body.startswith(codecs.BOM_UTF8) else 0)
    return ROOT.search(body, skipped)
