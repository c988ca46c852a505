"""The stream in the ledger's own file: rows of `records`, read in place."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Select, case, func, select

from flows.stream.port import Holdings, Received
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import stream as tables
from ingest.ledger.upsert import upsert

LOOKED_AT = 100  # rows a look, so that no reader holds an old state for long


class EmbeddedStream:
    """One process sends and reads. What is sent or committed inside a ledger transaction stands or falls with it."""

    in_ledger = True
    holdings: Holdings | None = None  # never told: one process holds all there is
    heard: Callable[[frozenset[str]], None] | None = None  # never called: the ledger's listeners hear of records first

    def __init__(self, ledger: Ledger, clock: Clock = now) -> None:
        self._ledger, self._clock = ledger, clock
        self._given: dict[tuple[str, str], int] = {}

    def send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        with self._ledger.begin() as transaction:
            self._ledger.publish(transaction, topic, records)

    def read(self, group: str, topic: str, limit: int) -> list[Received]:
        after = self._given.get((group, topic))
        if after is None:
            after = self._committed(group, topic)
        found = self._after(topic, after, limit)
        self._given[group, topic] = found[-1].position if found else after
        return found

    def commit(self, group: str, topic: str, received: Sequence[Received]) -> None:
        if not received:
            return
        position = max(record.position for record in received)
        row = {"name": group, "topic": topic, "position": position, "working": 0, "at": to_ms(self._clock())}
        kept = tables.groups.c.position
        with self._ledger.begin() as transaction:
            statement = upsert(transaction, tables.groups).values(row)
            furthest = case((kept > position, kept), else_=position)
            newer = {"position": furthest, "at": row["at"]}
            transaction.execute(statement.on_conflict_do_update(index_elements=["name", "topic"], set_=newer))

    def rewind(self, group: str, topic: str) -> None:
        self._given.pop((group, topic), None)

    def leave(self, group: str, topic: str) -> None:
        self.rewind(group, topic)

    def lag(self, group: str, topic: str) -> int:
        rows, groups = tables.records.c, tables.groups.c
        passed = select(groups.position).where(groups.name == group, groups.topic == topic).scalar_subquery()
        query = (
            select(func.count())
            .select_from(tables.records)
            .where(rows.topic == topic, rows.position > func.coalesce(passed, 0))
        )
        with self._ledger.read() as connection:
            return connection.execute(query).scalar_one()

    def waiting(self, group: str, topic: str) -> Iterator[Received]:
        after, last = self._committed(group, topic), self._last(topic)
        while found := [one for one in self._after(topic, after, LOOKED_AT) if one.position <= last]:
            yield from found
            after = found[-1].position

    def close(self) -> None:
        self._given.clear()

    def _after(self, topic: str, position: int, limit: int) -> list[Received]:
        with self._ledger.read() as connection:
            return [
                Received(topic=topic, position=row.position, key=row.key, value=row.value, at=row.at)
                for row in connection.execute(_rows(topic, position, limit))
            ]

    def _last(self, topic: str) -> int:
        rows = tables.records.c
        with self._ledger.read() as connection:
            return connection.execute(select(func.max(rows.position)).where(rows.topic == topic)).scalar() or 0

    def _committed(self, group: str, topic: str) -> int:
        rows = tables.groups.c
        with self._ledger.read() as connection:
            found = connection.execute(select(rows.position).where(rows.name == group, rows.topic == topic)).scalar()
        return found or 0


def _rows(topic: str, after: int, limit: int) -> Select[tuple[int, str, bytes, int]]:
    rows = tables.records.c
    return (
        select(rows.position, rows.key, rows.value, rows.at)
        .where(rows.topic == topic, rows.position > after)
        .order_by(rows.position)
        .limit(limit)
    )
