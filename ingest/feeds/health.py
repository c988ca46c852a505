"""The ledger -> how each feed is, for people; those in trouble first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from ingest.clock import from_ms
from ingest.feeds.outcome import sentence
from ingest.ledger import Ledger
from ingest.ledger.tables.feeds import feeds as table

SILENT_TIMES = 5.0  # usual gaps between new entries without any
SILENT_AT_LEAST = timedelta(hours=24)
SILENT_UNKNOWN = timedelta(days=30)  # where no usual gap is known


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """How one feed is. Times are None where the thing has not happened."""

    id: str
    title: str
    url: str
    site: str
    language: str
    tags: tuple[str, ...]
    outcome: str  # of the last poll, see Outcome; empty before the first
    detail: str
    sentence: str  # what came of the last poll
    failures: int  # in a row
    silent: bool  # nothing new for much longer than usual
    entries: int  # seen so far
    missed: int  # times that no entry overlapped the last poll
    capped: int  # items of the last document that were over the limit
    interval_seconds: float
    last_poll: datetime | None
    last_new: datetime | None
    last_success: datetime | None
    next_poll: datetime | None


def health(ledger: Ledger, now: datetime, limit: int) -> list[FeedHealth]:
    """The feeds that are listed, at most `limit`: failing ones first, then silent ones, the longest silent before."""
    with ledger.read() as connection:
        found = [_health(row, now) for row in connection.execute(select(table).where(table.c.removed.is_(None)))]
    found.sort(key=lambda feed: (-feed.failures, not feed.silent, feed.last_new or now, feed.title.casefold(), feed.id))
    return found[:limit]


def _health(row: "Row[Any]", now: datetime) -> FeedHealth:
    return FeedHealth(
        id=row.id,
        title=row.title or row.url,
        url=row.url,
        site=row.site,
        language=row.language,
        tags=tuple(tag for tag in row.tags.split(",") if tag),
        outcome=row.outcome,
        detail=row.detail,
        sentence=sentence(row.outcome, row.detail),
        failures=row.failures,
        silent=is_silent(row, now),
        entries=row.entries,
        missed=row.missed,
        capped=row.capped,
        interval_seconds=row.wanted_seconds or row.interval_seconds,
        last_poll=_time(row.last_poll),
        last_new=_time(row.last_new),
        last_success=_time(row.last_success),
        next_poll=_time(row.next_poll),
    )


def is_silent(row: "Row[Any]", now: datetime) -> bool:
    """Whether a feed, by its row, had nothing new for much longer than usual."""
    since = _time(row.last_new) or _time(row.first_poll)
    if since is None:
        return False
    usual = timedelta(seconds=row.gap_seconds * SILENT_TIMES) if row.gap_seconds else SILENT_UNKNOWN
    return now - since > max(usual, SILENT_AT_LEAST)


def _time(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)
