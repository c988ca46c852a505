"""The ledger's rows that are on their way to the brokers: counted, looked at, marked as sent, swept."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from flows.stream.port import Received
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import stream as tables

ON_THE_WAY = -1  # the partition of a record that no broker has yet
KEPT_HOURS = 48  # a broker acknowledges before its disk has the record
LOOKED_AT = 100  # rows a look
SWEPT_AT = 2000  # rows a transaction, so that nobody waits long
MARKED_AT = 500  # positions a statement


def unsent(ledger: Ledger) -> dict[str, int]:
    """How many rows of each topic wait for the relay."""
    rows = tables.records.c
    query = select(rows.topic, func.count()).where(rows.sent.is_(None)).group_by(rows.topic)
    with ledger.read() as connection:
        return {topic: int(count) for topic, count in connection.execute(query)}


def unsent_records(ledger: Ledger, topic: str) -> Iterator[Received]:
    """The rows of a topic that wait for the relay, in order, as records of the partition `ON_THE_WAY`."""
    rows, after = tables.records.c, 0
    while True:
        query = (
            select(rows.position, rows.key, rows.value, rows.at)
            .where(rows.topic == topic, rows.sent.is_(None), rows.position > after)
            .order_by(rows.position)
            .limit(LOOKED_AT)
        )
        with ledger.read() as connection:
            found = connection.execute(query).all()
        if not found:
            return
        for row in found:
            yield Received(
                topic=topic, position=row.position, key=row.key, value=row.value, at=row.at, partition=ON_THE_WAY
            )
        after = found[-1].position


def next_unsent(ledger: Ledger, limit: int, limit_bytes: int) -> list[Received]:
    """The first rows of all topics that no broker has, in order; at least one where there are any.

    A position may be given before a smaller one is visible, so what counts is the mark alone, never "after the last".
    """
    rows = tables.records.c
    query = (
        select(rows.position, rows.topic, rows.key, rows.value, rows.at)
        .where(rows.sent.is_(None))
        .order_by(rows.position)
        .limit(limit)
    )
    found: list[Received] = []
    size = 0
    with ledger.read() as connection, connection.execution_options(stream_results=True).execute(query) as result:
        for row in result:
            size += len(row.value)
            if found and size > limit_bytes:
                break
            found.append(Received(topic=row.topic, position=row.position, key=row.key, value=row.value, at=row.at))
    return found


def mark_sent(ledger: Ledger, positions: Sequence[int], now: datetime) -> None:
    """The brokers have acknowledged these."""
    rows = tables.records.c
    with ledger.begin("rows") as transaction:
        for begin in range(0, len(positions), MARKED_AT):
            some = positions[begin : begin + MARKED_AT]
            transaction.execute(
                update(tables.records).where(rows.position.in_(some), rows.sent.is_(None)).values(sent=to_ms(now))
            )


def sweep_sent(ledger: Ledger, now: datetime, hours: int = KEPT_HOURS) -> int:
    """Removes rows that were sent more than `hours` ago; gives how many. Rows that wait are never touched."""
    rows, count = tables.records.c, 0
    while True:
        old = select(rows.position).where(rows.sent < to_ms(now - timedelta(hours=hours))).limit(SWEPT_AT)
        with ledger.begin("rows") as transaction:
            gone = int(transaction.execute(delete(tables.records).where(rows.position.in_(old))).rowcount)
        count += gone
        if gone < SWEPT_AT:
            return count
