"""Items of any format -> entries: ids, links, plain text, dates; what has no link is set aside."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from urllib.parse import urljoin

from ingest import dates
from ingest.entry import Stamp
from ingest.feeds.parsed import BadItem, FeedBody, Item, ParsedEntry
from ingest.feeds.text import clean, one_line, plain
from ingest.identity import digest
from ingest.links import clean_link

LONGEST_TITLE, LONGEST_NAME = 1_000, 200
LONGEST_URL = 8_000  # longer ones are never fetched

Source = Callable[[int], bytes]  # the bytes of the nth item


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Entries of one document, and what could not be one."""

    entries: tuple[ParsedEntry, ...]
    bad: tuple[BadItem, ...]
    cut: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    title: str
    summary: str
    content: str  # HTML
    whole: str  # all its words, for the hash
    cut: bool


def make_entries(items: Sequence[Item], body: FeedBody, source: Source, language: str) -> Made:
    """The entries of `items`, each id once. `language` is the feed's, for items that have none.

    A guid that items with several links bear names none of them: there the link is the identity.
    """
    links = defaultdict[str, set[str]](set)
    for item in items:
        links[item.guid].add(item.link)
    entries: dict[str, ParsedEntry] = {}
    bad: list[BadItem] = []
    cut = 0
    for number, told in enumerate(items):
        item = replace(told, language=told.language or language)
        guid = item.guid if len(links[item.guid]) == 1 else ""
        text = _text(item, body)
        stamp = _stamp(item, body)
        if not _is_web(item.link):
            bad.append(_without_link(item, text, body, source(number)))
            continue
        entry = _entry(item, text, stamp, digest(body.feed, guid or item.link))
        if entries.setdefault(entry.id, entry) is entry:
            cut += text.cut
    return Made(entries=tuple(entries.values()), bad=tuple(bad), cut=cut)


def absolute(link: str, base: str) -> str:
    """`link` as an address of its own; empty where it cannot be one."""
    link = one_line(link)
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        return ""


def _is_web(link: str) -> bool:
    return link.lower().startswith(("http://", "https://")) and len(link) <= LONGEST_URL


def _without_link(item: Item, text: _Text, body: FeedBody, data: bytes) -> BadItem:
    told = digest(body.feed, item.guid or text.title + _raw_date(item) + text.whole)
    what = f"its link is no web address: {item.link[:100]}" if item.link else "it has no link"
    return BadItem(record=told, reason=f"an item of the feed was left out: {what}", data=data)


def _entry(item: Item, text: _Text, stamp: Stamp | None, name: str) -> ParsedEntry:
    return ParsedEntry(
        id=name,
        link=item.link,
        url=clean_link(item.link),
        title=text.title,
        summary=text.summary,
        content=text.content,
        language=item.language[:35],
        author=item.author[:LONGEST_NAME],
        published=stamp,
        content_hash=digest(item.guid, text.title, _raw_date(item), text.whole),
    )


def _raw_date(item: Item) -> str:
    return item.dates[0][1] if item.dates else ""


def _stamp(item: Item, body: FeedBody) -> Stamp | None:
    for source, raw in item.dates:
        stamp = dates.parse(raw, source=source, now=body.now, language=item.language)
        if stamp is not None:
            return stamp
    return None


def _text(item: Item, body: FeedBody) -> _Text:
    limit, short = body.limits.content_characters, body.limits.summary_characters
    title = one_line(plain(item.title) if item.title_is_html else item.title)
    told = plain(item.summary[:limit]) if item.summary_is_html else clean(item.summary[:limit]).strip()
    written = plain(item.content[:limit]) if item.content_is_html else clean(item.content[:limit]).strip()
    content = _html(item.content, item.content_is_html, limit)
    if not content and len(told) > short:
        content = _html(item.summary, item.summary_is_html, limit)  # the whole text stands where a summary should
    return _Text(
        title=title[:LONGEST_TITLE],
        summary=(told or written)[:short],
        content=content,
        whole=f"{told}\n{written}",
        cut=max(len(item.content), len(item.summary)) > limit or len(title) > LONGEST_TITLE,
    )


def _html(text: str, is_html: bool, limit: int) -> str:
    """At most `limit` characters of HTML that do not end inside a tag."""
    text = clean(text)
    if not is_html:
        text = "".join(f"<p>{escape(line, quote=False)}</p>" for line in text.split("\n") if line.strip())
    if len(text) > limit:
        text = text[:limit]
        text = text[: text.rindex("<")] if text.rfind("<") > text.rfind(">") else text
    return text
