"""The body of an answer -> a ParsedFeed, whatever is wrong with it: the module that calls feedparser."""

import io
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import feedparser

from ingest.feeds import pieces
from ingest.feeds.items import absolute, make_entries
from ingest.feeds.jsonfeed import parse_json
from ingest.feeds.parsed import BadItem, FeedBody, Item, ParsedFeed
from ingest.feeds.pieces import Pieces
from ingest.feeds.text import clean, one_line, plain
from ingest.identity import digest

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
PERIODS = {"hourly": 3_600.0, "daily": 86_400.0, "weekly": 604_800.0, "monthly": 2_592_000.0, "yearly": 31_536_000.0}
LONGEST_FLOOR_SECONDS = 86_400.0
DATES = ("published", "updated", "created")


def parse(item: FeedBody) -> ParsedFeed:
    """What the body says as a feed. One bad item never loses the others; a document without its end gives up its last
    item if that is not closed, and says so.
    """
    body = item.body
    start = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body.strip():
        return ParsedFeed(problem="empty", detail="the answer has no body")
    if start.startswith(b"{"):
        return parse_json(item)
    narrow = pieces.narrow(body)
    if pieces.is_html(narrow):
        return ParsedFeed(problem="not-a-feed", detail=f"the answer is a page: {_title_of_page(narrow)}".rstrip(": "))
    return _parse_xml(item, narrow, {} if narrow is not body else _headers(item))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What feedparser made of a document."""

    version: str
    feed: dict[str, Any]
    entries: tuple[dict[str, Any], ...]
    bad: tuple[BadItem, ...] = ()
    odd: str = ""


def _parse_xml(item: FeedBody, body: bytes, headers: dict[str, str]) -> ParsedFeed:
    whole = pieces.is_whole(body)
    cut = pieces.split(body)
    if not whole and cut.items:
        body = cut.with_items(cut.items)[: -len(cut.tail) or None]
    taken = _taken(cut, item, headers)
    capped = len(cut.items) - len(taken)
    if capped:
        body = cut.with_items(taken)
    try:
        read = _read(body, headers)
    except Exception as error:  # noqa: BLE001 - feedparser raises whatever its code runs into
        read = _read_apart(_with_items(cut, taken), item, headers, error)
    if not read.version and not read.entries:
        return ParsedFeed(problem="not-a-feed", detail="no feed could be found in the answer")
    parsed = _parsed(read, item, taken)
    odd = read.odd or ("" if whole else "the document breaks off before its end")
    over = max(len(parsed.entries) - item.limits.entries, 0)
    return replace(
        parsed,
        entries=parsed.entries[: item.limits.entries],
        capped=capped + over,
        whole=whole,
        detail=odd,
    )


def _with_items(cut: Pieces, items: tuple[bytes, ...]) -> Pieces:
    """The same document with other items."""
    return Pieces(head=cut.head, items=items, tail=cut.tail)


def _taken(cut: Pieces, item: FeedBody, headers: dict[str, str]) -> tuple[bytes, ...]:
    """The newest items within the limit: the first ones, unless the last one is dated after the first."""
    limit = item.limits.entries
    if len(cut.items) <= limit:
        return cut.items
    ends = (cut.items[0], cut.items[-1])
    try:
        read = _read(cut.with_items(ends), headers)
        first, last = _parsed(read, item, ends).entries
    except Exception:  # noqa: BLE001 - see _parse_xml; the order of the document decides then
        return cut.items[:limit]
    rises = first.published is not None and last.published is not None and first.published.value < last.published.value
    return cut.items[-limit:] if rises else cut.items[:limit]


def _read(body: bytes, headers: dict[str, str]) -> _Read:
    # BytesIO only: given a str or a path, feedparser opens files and addresses.
    found = feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    return _Read(
        version=str(found.get("version") or ""), feed=found.get("feed") or {}, entries=tuple(found.get("entries") or ())
    )


def _read_apart(cut: Pieces, item: FeedBody, headers: dict[str, str], error: Exception) -> _Read:
    """Reads the items in ever smaller groups, until those on which feedparser raises are alone."""
    for head, tail in ((cut.head, cut.tail), (pieces.bare_head(cut), b"")):
        apart = Pieces(head=head, items=cut.items, tail=tail)
        try:
            empty = _read(apart.with_items(()), headers)
        except Exception:  # noqa: BLE001, S112 - see _parse_xml; the next head is barer
            continue
        entries, bad = _halved(cut.items, apart, item, headers)
        odd = f"{len(bad)} of {len(cut.items)} items could not be read"
        return replace(empty, entries=tuple(entries), bad=tuple(bad), odd=odd)
    raise error


def _halved(
    items: tuple[bytes, ...], apart: Pieces, item: FeedBody, headers: dict[str, str]
) -> tuple[list[dict[str, Any]], list[BadItem]]:
    if not items:
        return [], []
    try:
        return list(_read(apart.with_items(items), headers).entries), []
    except Exception as error:  # noqa: BLE001 - see _parse_xml
        if len(items) == 1:
            return [], [_unreadable(items[0], item, error)]
    middle = len(items) // 2
    entries, bad = _halved(items[:middle], apart, item, headers)
    more, worse = _halved(items[middle:], apart, item, headers)
    return entries + more, bad + worse


def _unreadable(data: bytes, item: FeedBody, error: Exception) -> BadItem:
    return BadItem(
        record=digest(item.feed, "item", data.decode("latin-1")),
        reason=f"an item of the feed cannot be read: {type(error).__name__}: {error}"[:300],
        detail="".join(traceback.format_exception(error))[-5000:],
        data=data,
    )


def _parsed(read: _Read, item: FeedBody, sources: Sequence[bytes]) -> ParsedFeed:
    feed = read.feed
    language = one_line(_text(feed, "language") or item.content_language.split(",")[0])
    said = absolute(_text(feed, "link"), item.url)
    base = said if said.startswith(("http://", "https://")) else item.url
    made = make_entries([_item(entry, base) for entry in read.entries], item, _source(read, sources), language)
    return ParsedFeed(
        title=_title(feed)[:1000],
        site=base if base is said else "",
        language=language[:35],
        floor_seconds=_floor(feed),
        entries=made.entries,
        bad=(*read.bad, *made.bad),
        cut=made.cut,
    )


def _source(read: _Read, sources: Sequence[bytes]) -> Callable[[int], bytes]:
    """The bytes of the nth item: its own where items and pieces agree, else what feedparser made of it."""
    if len(sources) == len(read.entries):
        return lambda number: sources[number]
    return lambda number: repr(dict(read.entries[number])).encode("utf-8", "replace")


def _item(entry: dict[str, Any], base: str) -> Item:
    guid, link = one_line(_text(entry, "id")), one_line(_text(entry, "link")) or _alternate(entry)
    if link == guid and "://" not in guid:
        link = ""  # feedparser takes any guid for a link, unless it says isPermaLink="false"
    title, summary = _detail(entry, "title"), _detail(entry, "summary")
    contents = [part for part in entry.get("content") or () if isinstance(part, dict)]
    content = max(contents, key=lambda part: (_is_html(part), len(_text(part, "value"))), default={})
    written = _text(content, "value")
    told = _text(entry, "summary")
    dates = ((f"feed:{name}", one_line(_raw(entry, name))) for name in DATES)
    return Item(
        guid=guid,
        link=absolute(link, base),
        title=_text(entry, "title"),
        title_is_html=_is_html(title),
        summary="" if told == written else told,  # feedparser copies a lone content into the summary
        summary_is_html=_is_html(summary) or not summary,
        content=written,
        content_is_html=_is_html(content),
        dates=tuple((source, raw) for source, raw in dates if raw),
        language=one_line(_text(title, "language") or _text(content, "language") or _text(summary, "language")),
        author=one_line(_text(entry, "author")),
    )


def _alternate(entry: dict[str, Any]) -> str:
    """A link that is said to show the entry in another type than HTML."""
    links = (link for link in entry.get("links") or () if isinstance(link, dict))
    return next((one_line(_text(link, "href")) for link in links if link.get("rel") == "alternate"), "")


def _detail(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(f"{name}_detail")
    return found if isinstance(found, dict) else {}


def _is_html(detail: dict[str, Any]) -> bool:
    return detail.get("type") in HTML_TYPES


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    return clean(value) if isinstance(value, str) else ""


def _raw(record: dict[str, Any], name: str) -> str:
    value = dict.get(record, name)  # its own `get` gives `published` for a missing `updated`, with a warning
    return clean(value) if isinstance(value, str) else ""


def _title(feed: dict[str, Any]) -> str:
    text = _text(feed, "title")
    return one_line(plain(text) if _is_html(_detail(feed, "title")) else text)


def _floor(feed: dict[str, Any]) -> float:
    """Seconds between polls that the feed asks for, 0.0 where it asks for none."""
    ttl = _number(_text(feed, "ttl")) * 60
    period = PERIODS.get(_text(feed, "sy_updateperiod").strip().lower(), 0.0)
    often = _number(_text(feed, "sy_updatefrequency")) or 1.0
    return min(max(ttl, period / often), LONGEST_FLOOR_SECONDS)


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"\s*\d{1,7}(?:\.\d{1,3})?\s*", text, re.ASCII) else 0.0


def _headers(item: FeedBody) -> dict[str, str]:
    """What feedparser is told of the answer. Not its address: relative links are resolved by us, and guids never."""
    return {"content-type": item.content_type} if item.content_type else {}


def _title_of_page(body: bytes) -> str:
    found = re.search(rb"<title[^>]{0,200}>(.{0,500}?)</title", body[:100_000], re.DOTALL | re.IGNORECASE)
    return one_line(plain(found[1].decode("utf-8", "replace")))[:100] if found else ""
