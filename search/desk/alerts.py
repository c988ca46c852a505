"""Alerts as the ledger holds them -> what the desk page lists, opens and streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from ingest import wire
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from ingest.ledger.tables.people import people as people_table
from search.alert import Alert
from search.alerts.store import find
from search.desk.cards import Card, card

RINGS = ("rang", "escalated")
STATES = ("open", "acknowledged", "withdrawn", "closed", "silent")  # as the row above the list has them
ON_THE_DESK = ("open", "acknowledged", "withdrawn")  # listed where no state is chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One alert event, as open pages hear of it."""

    number: int
    alert: str
    kind: str
    gloss: str  # of the alert as it is now
    desk: str

    @property
    def rings(self) -> bool:
        return self.kind in RINGS


def listed(ledger: Ledger, *, desks: Sequence[str] = (), show: str = "", limit: int) -> tuple[list[Card], int]:
    """The alerts of `desks` (none: all) in state `show`, those that rang last first, and how many there are in all."""
    rows, events = tables.alerts.c, tables.alert_events.c
    wanted = _wanted(desks, show)
    rang_last = (
        select(func.max(events.at)).where(events.alert == rows.id, events.kind.in_(RINGS)).correlate(tables.alerts)
    ).scalar_subquery()
    when = func.coalesce(rang_last, rows.rang, rows.changed)
    with ledger.read() as connection:
        total = connection.execute(select(func.count()).select_from(tables.alerts).where(*wanted)).scalar_one()
        query = select(rows.body).where(*wanted).order_by(when.desc(), rows.last_event.desc()).limit(limit)
        found = [wire.decode(body, Alert) for body in connection.execute(query).scalars()]
    return [card(alert) for alert in found], total


def by_state(ledger: Ledger, desks: Sequence[str] = ()) -> dict[str, int]:
    """How many alerts stand in each state."""
    rows = tables.alerts.c
    query = select(rows.state, func.count()).where(*_of(desks)).group_by(rows.state)
    with ledger.read() as connection:
        found = {state: count for state, count in connection.execute(query)}  # noqa: C416 - rows are not pairs to mypy
    return {state: found.get(state, 0) for state in STATES}


def _wanted(desks: Sequence[str], show: str) -> list[ColumnElement[bool]]:
    return [*_of(desks), tables.alerts.c.state.in_([show] if show else ON_THE_DESK)]


def _of(desks: Sequence[str]) -> list[ColumnElement[bool]]:
    return [tables.alerts.c.desk.in_(desks)] if desks else []


def one(ledger: Ledger, alert: str) -> Alert | None:
    """The alert as it stands."""
    with ledger.read() as connection:
        return find(connection, alert)


def last_event(ledger: Ledger) -> int:
    """The number of the newest alert event."""
    with ledger.read() as connection:
        return connection.execute(select(func.max(tables.alert_events.c.number))).scalar() or 0


def events_after(ledger: Ledger, number: int, limit: int = 200) -> Sequence[Happened]:
    """The alert events after `number`, in order."""
    events, rows = tables.alert_events.c, tables.alerts.c
    query = (
        select(events.number, events.alert, events.kind, rows.body)
        .join(tables.alerts, rows.id == events.alert)
        .where(events.number > number)
        .order_by(events.number)
        .limit(limit)
    )
    with ledger.read() as connection:
        return [_happened(row) for row in connection.execute(query)]


def _happened(row: Any) -> Happened:
    alert = wire.decode(row.body, Alert)
    return Happened(number=row.number, alert=row.alert, kind=row.kind, gloss=alert.gloss, desk=alert.desk)


def people(ledger: Ledger, limit: int = 50) -> list[str]:
    """Those who gave their names or may sign in, by name."""
    rows = people_table.c
    query = select(rows.name).where(rows.disabled.is_(None)).order_by(rows.name).limit(limit)
    with ledger.read() as connection:
        return list(connection.execute(query).scalars())
