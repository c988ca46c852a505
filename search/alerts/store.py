"""Alerts and their events <-> the ledger's rows."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, insert, select

from ingest import wire
from ingest.clock import to_ms
from ingest.ledger.tables import alerts as tables
from ingest.ledger.upsert import upsert
from search.alert import Alert, AlertEvent
from search.alerts.fold import after


class Alerts:
    """The alerts of some stories within one transaction: read once, written once by `flush`."""

    def __init__(self, transaction: Connection, language: str) -> None:
        self._transaction, self._language = transaction, language
        self._bodies: dict[tuple[str, str], bytes] = {}  # (story, watch) -> Alert on the wire
        self._alerts: dict[tuple[str, str], Alert] = {}
        self._last: dict[str, int] = {}  # alert -> number of its last event, of those that changed

    def load(self, stories: Iterable[str]) -> None:
        """Reads the alerts of `stories`; decoded only when they are asked for."""
        rows = tables.alerts.c
        query = select(rows.story, rows.watch, rows.body).where(rows.story.in_(set(stories)), rows.state != "merged")
        self._bodies.update({(row.story, row.watch): row.body for row in self._transaction.execute(query)})

    def get(self, story: str, watch: str) -> Alert | None:
        """The alert of a watch and a story as it stands now."""
        key = (story, watch)
        if key not in self._alerts and key in self._bodies:
            self._alerts[key] = wire.decode(self._bodies[key], Alert)
        return self._alerts.get(key)

    def of(self, story: str, article: str = "") -> list[Alert]:
        """The alerts of `story`, those alone that keep `article` where it is given."""
        keys = [key for key in {**self._bodies, **self._alerts} if key[0] == story]
        if article:
            # A search in the bytes spares decoding alerts that do not know the article; `told_by` judges the rest.
            mark = article.encode()
            keys = [key for key in keys if key in self._alerts or mark in self._bodies[key]]
        found = [self.get(*key) for key in keys]
        return [alert for alert in found if alert is not None and alert.state != "merged"]

    def add(self, event: AlertEvent) -> tuple[Alert, int] | None:
        """Writes an event and gives its alert after it and its number; None where it was written before."""
        if event.watch:
            before = self.get(event.story, event.watch)
        else:
            before = next((alert for alert in self._alerts.values() if alert.id == event.alert), None)
        if before is not None and any(known.id == event.id for known in before.events):
            return None
        number = append(self._transaction, event)
        if number is None:
            return None
        now = after(before, event, language=self._language)
        self._alerts[now.story, now.watch] = now
        self._last[now.id] = number
        return now, number

    def flush(self) -> None:
        """Writes the alerts that changed."""
        for alert in self._alerts.values():
            if alert.id in self._last:
                write(self._transaction, alert, self._last[alert.id])


def append(transaction: Connection, event: AlertEvent) -> int | None:
    """The number of the event, written once; None where its id is there already."""
    rows = tables.alert_events.c
    if transaction.execute(select(rows.number).where(rows.id == event.id)).first():
        return None
    row = {
        "id": event.id,
        "alert": event.alert,
        "kind": event.kind,
        "body": wire.encode(event),
        "at": to_ms(event.at),
    }
    key = transaction.execute(insert(tables.alert_events).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def write(transaction: Connection, alert: Alert, last_event: int) -> None:
    """Keeps the fold of an alert's events for listing."""
    row = {
        "id": alert.id,
        "watch": alert.watch,
        "story": alert.story,
        "desk": alert.desk,
        "severity": alert.severity,
        "state": alert.state,
        "rang": to_ms(alert.rang) if alert.rang else None,
        "changed": to_ms(alert.changed),
        "last_event": last_event,
        "body": wire.encode(alert),
    }
    statement = upsert(transaction, tables.alerts).values(row)
    transaction.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))


def find(connection: Connection, alert: str) -> Alert | None:
    """The alert with this id."""
    body = connection.execute(select(tables.alerts.c.body).where(tables.alerts.c.id == alert)).scalar()
    return wire.decode(body, Alert) if body is not None else None


def events_of(connection: Connection, alert: str) -> Sequence[AlertEvent]:
    """All events of an alert in full, in order: what its fold can be computed from again."""
    rows = tables.alert_events.c
    bodies = connection.execute(select(rows.body).where(rows.alert == alert).order_by(rows.number)).scalars()
    return [wire.decode(body, AlertEvent) for body in bodies]
