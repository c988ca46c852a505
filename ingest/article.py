"""The record that [articles] carries: one page in one revision, its text frozen."""

from dataclasses import dataclass
from datetime import datetime

from ingest.entry import Origin, Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Who is named as author, and where."""

    name: str
    source: str  # e.g. "ld:author", "meta:author", "byline", "feed"
    organisation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One page in one revision. `title` and `text` are frozen: NFC, no control characters but newline and tab.

    All offsets of later stages count Unicode code points of these two.
    """

    id: str  # digest of Entry.url, never changed later
    revision: int  # 1, 2, ...: one for each new digest of title and text, counted in the ledger
    url: str  # Entry.url
    aliases: tuple[str, ...] = ()  # final, canonical and other addresses of the same page
    copy_at: str = ""  # a canonical address on another host: claimed to be the same text, never identity
    feed: str
    source: str
    title: str
    title_source: str = ""
    text: str
    language: str = ""  # as declared by page or feed; enrich decides
    published: Stamp | None = None
    modified: Stamp | None = None
    authors: tuple[Credit, ...] = ()
    path: str  # how the text was had: "cut", "full:short", "feed:content", ...
    flags: tuple[str, ...] = ()  # "paywalled", "live-blog", "garbled", "text-cut", ...
    withdrawn: bool = False  # the page is gone: text is the last known one
    origin: Origin
    seen: datetime  # arrival of the entry (first revision) or of the new revision
    archive: str = ""  # where the raw bytes stand: "<file>#<offset>"
    schema: int = 1

    @property
    def key(self) -> str:
        return self.id
