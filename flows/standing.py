"""An owned folder -> how much waits where, and whether anything is left to do soon."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from flows.route import READERS
from flows.stream import Stream
from ingest import queue
from ingest.clock import Clock, from_ms, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import stream as stream_tables
from ingest.queue import SOON

STALLED_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is not done yet."""

    records: dict[str, int]  # stage -> records of the stream that it has not passed
    pages: queue.Waiting
    deliveries_soon: int
    deliveries_later: int

    @property
    def soon(self) -> int:
        """Work that is under way, due now, or due within 30 seconds."""
        pages = self.pages
        return sum(self.records.values()) + pages.leased + pages.due_now + pages.due_within_30s + self.deliveries_soon

    @property
    def sentences(self) -> Iterator[str]:
        """What waits for later, for people."""
        if self.pages.later:
            earliest = f", the first at {self.pages.earliest:%Y-%m-%d %H:%M:%S} UTC" if self.pages.earliest else ""
            yield f"{self.pages.later} pages are fetched, or looked at again, later{earliest}"
        if self.deliveries_later:
            yield f"{self.deliveries_later} deliveries are tried again later"


def is_idle(ledger: Ledger, stream: Stream, now: datetime) -> bool:
    """Whether nothing is left to do soon. Asked often: the cheapest question, which mostly answers it, comes first."""
    pages = queue.waiting(ledger, now)
    if pages.leased or pages.due_now or pages.due_within_30s:
        return False
    return left(ledger, stream, now).soon == 0


def left(ledger: Ledger, stream: Stream, now: datetime) -> Left:
    """What is left to do, looked at in the order of the route, so that nothing moves on unseen between two looks."""
    first = READERS[0]
    records = {first.stage: stream.lag(first.stage, first.reads)}
    pages = queue.waiting(ledger, now)
    records |= {arrow.stage: stream.lag(arrow.stage, arrow.reads) for arrow in READERS[1:]}
    rows, soon = alert_tables.deliveries.c, to_ms(now + SOON)
    with ledger.read() as connection:
        early, late = connection.execute(
            select(func.count().filter(rows.due <= soon), func.count().filter(rows.due > soon)).where(
                rows.state == "waiting"
            )
        ).one()
    return Left(records=records, pages=pages, deliveries_soon=early, deliveries_later=late)


def stalled(ledger: Ledger, stream: Stream, clock: Clock) -> str:
    """The stage that has records waiting and has not moved for ten minutes, in words; empty where all move."""
    now = clock()
    with ledger.read() as connection:
        moved = {(row.name, row.topic): from_ms(row.at) for row in connection.execute(select(stream_tables.groups))}
    for arrow in READERS:
        last = moved.get((arrow.stage, arrow.reads))
        if last is not None and now - last <= STALLED_AFTER:
            continue
        waiting = stream.lag(arrow.stage, arrow.reads)
        first = next(iter(stream.waiting(arrow.stage, arrow.reads)), None) if waiting else None
        since = max(from_ms(first.at), last or from_ms(first.at)) if first else now
        if now - since > STALLED_AFTER:
            minutes = round((now - since).total_seconds() / 60)
            return f"{arrow.stage} has not moved for {minutes} minutes, {waiting} records wait"
    return ""
