"""The record that [entries] carries: one item of one feed, as the feed told it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Origin(StrEnum):
    """Why a record is on the route; only LIVE ones may ring (and late ones of a first poll never do)."""

    LIVE = "live"
    FIRST_POLL = "first-poll"  # older than a day when its feed was polled for the first time
    BACKFILL = "backfill"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A time somebody claimed, with where the claim stands."""

    value: datetime  # aware UTC
    source: str  # e.g. "feed:published", "ld:datePublished", "htmldate"
    raw: str  # as written
    precision: str = "second"  # second | minute | day
    zone: str = ""  # as written: "+03:00", "MSK"; empty where none was
    zone_guessed: bool = False  # the abbreviation has several meanings ("IST") or is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of one feed."""

    id: str  # digest of feed and guid, or link, or title+date+text
    feed: str  # feed id
    source: str  # the outlet's name as people know it
    link: str  # as the feed gave it
    url: str  # `link` cleaned; the article's id is its digest
    title: str
    summary: str = ""  # plain text
    content: str = ""  # HTML of the item's own body, capped; the fallback where the page cannot be read
    language: str = ""  # as the feed declares it
    author: str = ""
    published: Stamp | None = None
    content_hash: str  # of guid, title, date, text: changes when the feed changes the item
    origin: Origin = Origin.LIVE
    seen: datetime  # arrival
    schema: int = 1

    @property
    def key(self) -> str:
        """The host: its pages are fetched one after the other."""
        return self.url.split("/", 3)[2] if self.url.count("/") >= 2 else ""
