"""The records between a poll and the child that reads its body."""

from dataclasses import dataclass, field
from datetime import datetime

from ingest.entry import Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken of one document."""

    entries: int = 2_000
    content_characters: int = 200_000
    summary_characters: int = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBody:
    """What a server answered for a feed, decoded."""

    feed: str  # id
    url: str  # that answered
    body: bytes
    content_type: str = ""
    content_language: str = ""
    now: datetime
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item as its format has it, before our rules."""

    guid: str = ""
    link: str = ""  # absolute, or nothing
    title: str = ""
    title_is_html: bool = False
    summary: str = ""
    summary_is_html: bool = False
    content: str = ""
    content_is_html: bool = False
    dates: tuple[tuple[str, str], ...] = ()  # (where it stood, as written), the best first
    language: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEntry:
    """One item that can go on the route."""

    id: str  # digest of feed and guid, or link
    link: str  # as the feed gave it, absolute
    url: str  # cleaned
    title: str
    summary: str
    content: str
    language: str
    author: str
    published: Stamp | None
    content_hash: str  # of guid, title, date and text without its tags


@dataclass(frozen=True, slots=True, kw_only=True)
class BadItem:
    """One item that cannot go on the route; `data` are its bytes."""

    record: str  # the id that its entry would have, or of its bytes
    reason: str  # one line for people
    detail: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """What a body says as a feed. `problem` is empty, or "empty" or "not-a-feed": then nothing else is said."""

    problem: str = ""
    detail: str = ""  # of the problem, or of what was odd
    title: str = ""
    site: str = ""
    language: str = ""
    floor_seconds: float = 0.0  # the feed asks not to be polled more often (ttl, sy:updatePeriod)
    entries: tuple[ParsedEntry, ...] = ()  # in the order of the document
    bad: tuple[BadItem, ...] = ()
    capped: int = 0  # items over the limit, left out
    cut: int = 0  # entries whose text was over the limit
    whole: bool = True  # the document has its end
