"""The ledger and the stream -> how much waits where, as figures for the metrics; the same from every process."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, func, select

from flows.metrics import Figure
from flows.opening import Parts
from flows.route import READERS
from ingest import queue
from ingest.clock import to_ms
from ingest.ledger.tables import alerts, articles, feeds, stream
from ingest.ledger.tables.feeds import fetches
from ingest.ledger.tables.leases import leases
from search.deliver.heartbeat import FACT

FAILING = 3  # polls in a row


def figures(parts: Parts) -> list[Figure]:
    """Everything that Prometheus is told of the stores.

    Raises: Retry or Abort if one of them does not answer.
    """
    now = parts.clock()
    found = [*_lags(parts)]
    with parts.ledger.read() as connection:
        # Kafka keeps what waits, and the ledger does not know since when; but it has an outbox.
        found += _waiting_since(parts, now) if parts.stream.in_ledger else _outbox(connection)
        found += _oldest_due(connection, now)
        found += _fetch_queue(parts, now)
        found += [*_deliveries(connection), *_rejected(connection), *_feeds(connection, now), *_heartbeat(connection)]
        found += _leases(connection, now) if parts.shared else ()
    return found


def _lags(parts: Parts) -> Iterator[Figure]:
    said = "Records of the stream that a stage has not passed."
    for arrow in READERS:
        lag = parts.stream.lag(arrow.stage, arrow.reads)
        yield Figure(name="tocsin_lag_records", help=said, labels={"stage": arrow.stage}, value=lag)


def _oldest(stage: str, at: int, now: datetime) -> Figure:
    said = "How long the record, page or delivery that a stage should have done first has waited."
    seconds = max(to_ms(now) - at, 0) / 1000
    return Figure(name="tocsin_oldest_waiting_seconds", help=said, labels={"stage": stage}, value=seconds)


def _waiting_since(parts: Parts, now: datetime) -> Iterator[Figure]:
    for arrow in READERS:
        first = next(iter(parts.stream.waiting(arrow.stage, arrow.reads)), None)
        yield _oldest(arrow.stage, first.at if first else to_ms(now), now)


def _oldest_due(connection: Connection, now: datetime) -> Iterator[Figure]:
    at = to_ms(now)
    pages, sends = fetches.c, alerts.deliveries.c
    page = select(func.min(pages.due)).where(pages.state == queue.State.WAITING, pages.due <= at)
    send = select(func.min(sends.due)).where(sends.state == "waiting", sends.due <= at)
    poll = select(func.min(feeds.feeds.c.next_poll)).where(feeds.feeds.c.removed.is_(None))
    for stage, query in (("pages", page), ("deliver", send), ("collect", poll)):
        yield _oldest(stage, connection.execute(query).scalar() or at, now)


def _fetch_queue(parts: Parts, now: datetime) -> Iterator[Figure]:
    said = "Pages that are still to be fetched: due, taken by a process, or due later."
    pages = queue.waiting(parts.ledger, now)
    later = pages.due_within_30s + pages.later
    for kind, count in (("due", pages.due_now), ("leased", pages.leased), ("later", later)):
        yield Figure(name="tocsin_fetch_queue_pages", help=said, labels={"kind": kind}, value=count)


def _deliveries(connection: Connection) -> Iterator[Figure]:
    said = "Deliveries that have not gone out: waiting, held by a person, or failed for good."
    state = alerts.deliveries.c.state
    query = select(state, func.count()).where(state != "sent").group_by(state)
    counts = {"waiting": 0, "held": 0, "failed": 0} | {str(name): count for name, count in connection.execute(query)}
    for name, count in counts.items():
        yield Figure(name="tocsin_deliveries_unsent", help=said, labels={"kind": name}, value=count)


def _rejected(connection: Connection) -> Iterator[Figure]:
    said = "Rejected records that no person has looked after yet."
    rows = articles.rejected.c
    query = select(rows.stage, func.count()).where(rows.state == "open").group_by(rows.stage)
    for stage, count in connection.execute(query):
        yield Figure(name="tocsin_rejected_open_records", help=said, labels={"stage": stage}, value=count)


def _feeds(connection: Connection, now: datetime) -> Iterator[Figure]:
    said = "Feeds: listed, or failing three times in a row and more often."
    rows = feeds.feeds.c
    query = select(func.count(), func.count().filter(rows.failures >= FAILING)).where(rows.removed.is_(None))
    listed, failing = connection.execute(query).one()
    yield Figure(name="tocsin_feeds", help=said, labels={"kind": "listed"}, value=listed)
    yield Figure(name="tocsin_feeds", help=said, labels={"kind": "failing"}, value=failing)


def _heartbeat(connection: Connection) -> Iterator[Figure]:
    at = connection.execute(select(alerts.facts.c.at).where(alerts.facts.c.name == FACT)).scalar()
    if at is not None:
        said = "When all was last found well, in seconds since 1970."
        yield Figure(name="tocsin_heartbeat_timestamp_seconds", help=said, value=at / 1000)


def _leases(connection: Connection, now: datetime) -> Iterator[Figure]:
    held = select(func.count()).where(leases.c.until > to_ms(now))
    said = "Leases that some process holds now."
    yield Figure(name="tocsin_leases_held", help=said, value=connection.execute(held).scalar_one())


def _outbox(connection: Connection) -> Iterator[Figure]:
    unsent = select(func.count()).where(stream.records.c.sent.is_(None))
    said = "Records in the ledger that the relay has not sent to the stream yet."
    yield Figure(name="tocsin_outbox_unsent_records", help=said, value=connection.execute(unsent).scalar_one())
