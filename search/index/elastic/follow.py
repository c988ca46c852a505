"""What changed in the ledger -> alerts, polls and rejected records in the index, in small batches, again and again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select, tuple_

from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.facts import fact, put_fact
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import articles as article_tables
from ingest.ledger.tables import feeds as feed_tables
from search.index.elastic import mapping
from search.index.elastic.records import Records
from search.index.elastic.searching import walk
from search.index.elastic.server import Server

BATCH = 500
REMEMBERED = 20_000  # rows that were sent lately, of each kind
OVERLAP_MS = 120_000  # transactions end in another order than they begin
OVERLAP_POLLS = 2_000
SETTLE_SECONDS = 60.0

Rows = Sequence["Row[Any]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """One table that is followed: its rows in the order of `mark`, `id`."""

    kind: str
    query: Select[Any]
    mark: Any  # column that grows with every change
    id: Any
    state: Callable[["Row[Any]"], object]  # what tells whether a row changed since it was sent
    overlap: int


def _polls() -> Select[Any]:
    polls, feeds = feed_tables.polls, feed_tables.feeds
    more = (
        func.coalesce(feeds.c.title, "").label("feed_title"),
        func.coalesce(feeds.c.url, "").label("feed_url"),
        func.coalesce(feeds.c.failures, 0).label("failures"),
        func.coalesce(feeds.c.gap_seconds, 0.0).label("gap_seconds"),
        feeds.c.last_new,
        feeds.c.first_poll,
    )
    return select(polls, *more).select_from(polls.outerjoin(feeds, feeds.c.id == polls.c.feed))


def _rejected() -> Select[Any]:
    rows = article_tables.rejected.c
    kept = [column for column in rows if column.name != "bytes"]
    return select(*kept, func.length(rows.bytes).label("size"))


SOURCES = (
    _Source(
        kind="alerts",
        query=select(alert_tables.alerts),
        mark=alert_tables.alerts.c.changed,
        id=alert_tables.alerts.c.id,
        state=lambda row: row.last_event,
        overlap=OVERLAP_MS,
    ),
    _Source(
        kind="polls",
        query=_polls(),
        mark=feed_tables.polls.c.id,
        id=feed_tables.polls.c.id,
        state=lambda row: row.at,
        overlap=OVERLAP_POLLS,
    ),
    _Source(
        kind="rejected",
        query=_rejected(),
        mark=article_tables.rejected.c.at,
        id=article_tables.rejected.c.id,
        state=lambda row: (row.times, row.state),
        overlap=OVERLAP_MS,
    ),
)


class Follower:
    """Copies from where it stopped last. One at a time; a second one would do no harm, only the same work."""

    def __init__(
        self, ledger: Ledger, server: Server, *, clock: Clock = now, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger, self._server, self._clock, self._timer = ledger, server, clock, timer
        self._records = Records(server)
        self._sent: dict[str, OrderedDict[object, object]] = {source.kind: OrderedDict() for source in SOURCES}
        self._generations: dict[str, int] = {}
        self._settled: float | None = None

    def step(self) -> int:
        """Copies everything that changed since the last time; gives how many documents were sent.

        Raises: Retry if the index is away, full or busy; Abort if somebody must do something.
        """
        sent = sum(self._follow(source) for source in SOURCES)
        if self._settled is None or self._timer() - self._settled >= SETTLE_SECONDS:
            sent += self._settle()
            self._settled = self._timer()
        return sent

    def _follow(self, source: _Source) -> int:
        # A new generation of indices is followed anew: it has no mark yet.
        generation = self._records.generation(source.kind)
        name = f"index.{self._server.settings.name}.{source.kind}.v{generation}"
        if self._generations.get(source.kind) != generation:
            self._sent[source.kind].clear()
            self._generations[source.kind] = generation
        marked = self._mark(name)
        after: tuple[Any, Any] | None = None
        sent = 0
        while True:
            with self._ledger.read() as connection:
                rows = connection.execute(_next(source, marked, after)).all()
            fresh = [row for row in rows if self._sent[source.kind].get(row.id) != source.state(row)]
            if fresh:
                self._add(source, fresh)
                sent += len(fresh)
            if rows:
                after = (getattr(rows[-1], source.mark.name), rows[-1].id)
                if marked is None or after[0] > marked:
                    marked = after[0]
                    self._note(name, after[0])
            if len(rows) < BATCH:
                return sent

    def _add(self, source: _Source, rows: Rows) -> None:
        add = {
            "alerts": self._records.add_alerts,
            "polls": self._records.add_polls,
            "rejected": self._records.add_rejected,
        }[source.kind]
        add(rows)
        kept = self._sent[source.kind]
        for row in rows:
            kept[row.id] = source.state(row)
            kept.move_to_end(row.id)
        while len(kept) > REMEMBERED:
            kept.popitem(last=False)

    def _settle(self) -> int:
        """Rejected records that were resolved, or that the ledger no longer keeps: their time does not change."""
        alias = mapping.alias(self._server.settings, "rejected")
        unsettled = {"terms": {"state": ["open", "retried"]}}
        there = {
            hit["_id"]: hit["_source"]["state"]
            for hit in walk(self._server, alias, {"query": unsettled, "_source": ["state"]})
        }
        names, sent = sorted(there), 0
        for start in range(0, len(names), BATCH):
            some = names[start : start + BATCH]
            with self._ledger.read() as connection:
                rows = connection.execute(_rejected().where(article_tables.rejected.c.id.in_(some))).all()
            other = [row for row in rows if row.state != there[row.id]]
            gone = set(some) - {row.id for row in rows}
            self._records.add_rejected(other)
            self._records.remove_rejected(gone)
            sent += len(other) + len(gone)
        return sent

    def _mark(self, name: str) -> int | None:
        with self._ledger.read() as connection:
            found = fact(connection, name)
        return None if found is None else int(found)

    def _note(self, name: str, mark: int) -> None:
        with self._ledger.begin("rows") as transaction:
            put_fact(transaction, name, str(mark), to_ms(self._clock()))


def _next(source: _Source, marked: int | None, after: tuple[Any, Any] | None) -> Select[Any]:
    query = source.query.order_by(source.mark, source.id).limit(BATCH)
    if after is not None:
        return query.where(tuple_(source.mark, source.id) > tuple_(*after))
    return query if marked is None else query.where(source.mark >= marked - source.overlap)
