"""The alerts of a period -> what a desk is told of them at once: counts by watch, first lines, links."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, select

from ingest import wire
from ingest.clock import to_ms
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from search.alert import Alert
from search.alerts.fold import standing
from search.watch import Watch

CHUNK = 500
KINDS = ("rang", "escalated", "withdrawn", "matched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a digest is of. The same desk and times give the same id, whenever it is made."""

    desk: str  # empty: every desk
    since: datetime
    until: datetime  # exclusive

    @property
    def id(self) -> str:
        return digest("digest", self.desk, str(to_ms(self.since)), str(to_ms(self.until)))


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchCount:
    """What happened under one watch: alerts, each counted once in a column."""

    watch: str
    name: str
    rang: int
    again: int  # escalated
    withdrawn: int
    silent: int  # matched, and rang nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One alert that rang."""

    alert: str
    watch: str
    severity: str
    gloss: str
    sources: tuple[str, ...]
    rang: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The alerts of a period. Every watch of the desk is counted, also those of which nothing is to be told."""

    period: Period
    counts: tuple[WatchCount, ...]
    lines: tuple[Line, ...]  # severe ones first, then as they rang
    left_out: int  # alerts that rang beyond the limit

    @property
    def rang(self) -> int:
        return len(self.lines) + self.left_out


def digest_of(ledger: Ledger, watches: Sequence[Watch], period: Period, limit: int) -> Digest:
    """The digest of `period` with at most `limit` lines."""
    own = {watch.id: watch.name for watch in watches if watch.desk == period.desk or not period.desk}
    with ledger.read() as connection:
        kinds = _kinds(connection, period)
        rows = [row for row in _alerts(connection, kinds) if row.desk == period.desk or not period.desk]
        rang = [row for row in rows if kinds[row.id] & {"rang", "escalated"}]
        lines = [_line(connection, row.id) for row in rang[:limit]]
    counted = {kind: Counter(row.watch for row in rows if kind in kinds[row.id]) for kind in KINDS}
    for row in rows:
        own.setdefault(row.watch, row.watch)  # of a watch that was taken away, or that had another desk
    return Digest(
        period=period,
        counts=tuple(_count(watch, name, counted) for watch, name in own.items()),
        lines=tuple(lines),
        left_out=len(rang) - len(lines),
    )


def _kinds(connection: Connection, period: Period) -> dict[str, set[str]]:
    """What happened in the period to which alert."""
    rows = tables.alert_events.c
    inside = rows.at >= to_ms(period.since), rows.at < to_ms(period.until)
    found: dict[str, set[str]] = {}
    for alert, kind in connection.execute(select(rows.alert, rows.kind).where(*inside, rows.kind.in_(KINDS))):
        found.setdefault(alert, set()).add(kind)
    return found


def _alerts(connection: Connection, names: Collection[str]) -> "list[Row[Any]]":
    """The alerts as they are listed, severe ones first; what was merged is told by the one that it went into."""
    rows, given = tables.alerts.c, sorted(names)
    rank = case({"high": 0, "medium": 1}, value=rows.severity, else_=2).label("rank")
    query = select(rows.id, rows.watch, rows.desk, rank, rows.rang).where(rows.state != "merged")
    found: list[Any] = [
        row
        for start in range(0, len(given), CHUNK)
        for row in connection.execute(query.where(rows.id.in_(given[start : start + CHUNK])))
    ]
    return sorted(found, key=lambda row: (row.rank, row.rang or 0, row.id))


def _line(connection: Connection, name: str) -> Line:
    body = connection.execute(select(tables.alerts.c.body).where(tables.alerts.c.id == name)).scalar_one()
    alert = wire.decode(body, Alert)
    tellings = standing(alert.tellings) or alert.tellings
    return Line(
        alert=alert.id,
        watch=alert.watch_name,
        severity=alert.severity,
        gloss=alert.gloss,
        sources=tuple(dict.fromkeys(telling.source for telling in tellings)),
        rang=alert.rang or alert.changed,
    )


def _count(watch: str, name: str, counted: dict[str, Counter[str]]) -> WatchCount:
    return WatchCount(
        watch=watch,
        name=name,
        rang=counted["rang"][watch],
        again=counted["escalated"][watch],
        withdrawn=counted["withdrawn"][watch],
        silent=counted["matched"][watch],
    )
