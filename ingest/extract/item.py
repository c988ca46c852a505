"""A captured page and its entry -> what a child is given, and what it gives back."""

from dataclasses import dataclass
from datetime import datetime

from ingest.archive import Capture
from ingest.article import Credit
from ingest.entry import Entry, Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class PageItem:
    """One page to be read, with what its feed says of it."""

    body: bytes
    url: str  # that answered
    kind: str = ""  # the content-type header, with its charset
    fetched: datetime  # aware UTC: no date on the page can be much later
    link: str = ""  # the entry's address
    title: str = ""  # the rest as the feed tells it
    language: str = ""
    source: str = ""
    published: Stamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What was read out of a page, or out of an entry. `title` and `text` are frozen, the title on one line."""

    title: str
    title_source: str = ""  # e.g. "ld:headline+h1", "meta:og:title", "feed"
    text: str
    language: str = ""  # as declared; enrich decides
    published: Stamp | None = None
    modified: Stamp | None = None
    authors: tuple[Credit, ...] = ()
    canonical: str = ""  # on the page's own host only
    copy_at: str = ""  # a canonical address on another host
    path: str  # "cut", "full:short", "refused:elements", "feed:content", ...
    flags: tuple[str, ...] = ()  # "paywalled", "live-blog", "garbled", "text-cut"


def page_item(capture: Capture, entry: Entry) -> PageItem:
    """The page of `entry` as it was fetched, ready to be sent to a child."""
    return PageItem(
        body=capture.body,
        url=capture.url,
        kind=capture.headers.get("content-type", ""),
        fetched=capture.fetched,
        link=entry.url,
        title=entry.title,
        language=entry.language,
        source=entry.source,
        published=entry.published,
    )
