"""The stream in the ledger's own file -> what an operator asks of it."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Select, func, select, update

from flows.stream.operating import Back, Standing, Start
from flows.stream.port import Received
from ingest.ledger import Ledger
from ingest.ledger.tables import stream as tables

LOOKED_AT = 100  # rows a look
rows, groups = tables.records.c, tables.groups.c


class EmbeddedOperating:
    """One topic is one partition. Who goes back owns the folder, so that no worker of it runs."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def standing(self, group: str, topic: str) -> list[Standing]:
        passed = self._passed(group, topic)
        count, end = self._count(topic, after=passed or 0)
        return [Standing(partition=0, passed=passed, end=max(end, passed or 0), waiting=count)]

    def records(self, topic: str, start: Start) -> Iterator[Received]:
        after = (start.position or 0) - 1
        while found := self._look(_wanted(topic).where(rows.position > after, rows.at >= (start.at or 0))):
            yield from found
            after = found[-1].position

    def newest(self, topic: str, count: int) -> list[Received]:
        newest = select(rows.position).where(rows.topic == topic).order_by(rows.position.desc()).limit(count)
        return self._look(_wanted(topic).where(rows.position.in_(newest)), count)

    def back_to(self, group: str, topic: str, at: int) -> list[Back]:
        passed = self._passed(group, topic) or 0
        with self._ledger.read() as connection:
            query = select(func.min(rows.position)).where(rows.topic == topic, rows.at >= at, rows.position <= passed)
            first = connection.execute(query).scalar()
        if first is None:
            return []
        again = self._count(topic, after=first - 1)[0] - self._count(topic, after=passed)[0]
        return [Back(partition=0, passed=passed, start=first - 1, records=again)]

    def go_back(self, group: str, topic: str, places: Sequence[Back]) -> None:
        with self._ledger.begin() as transaction:
            for place in places:
                transaction.execute(
                    update(tables.groups)
                    .where(groups.name == group, groups.topic == topic)
                    .values(position=place.start)
                )

    def _passed(self, group: str, topic: str) -> int | None:
        with self._ledger.read() as connection:
            query = select(groups.position).where(groups.name == group, groups.topic == topic)
            return connection.execute(query).scalar()

    def _count(self, topic: str, *, after: int) -> tuple[int, int]:
        """How many records stand after a position, and the last position."""
        query = select(func.count().filter(rows.position > after), func.coalesce(func.max(rows.position), 0))
        with self._ledger.read() as connection:
            count, end = connection.execute(query.where(rows.topic == topic)).one()
        return int(count), int(end)

    def _look(self, query: "Select[tuple[int, str, str, bytes, int]]", limit: int = LOOKED_AT) -> list[Received]:
        with self._ledger.read() as connection:
            return [
                Received(topic=row.topic, position=row.position, key=row.key, value=row.value, at=row.at)
                for row in connection.execute(query.limit(limit))
            ]


def _wanted(topic: str) -> "Select[tuple[int, str, str, bytes, int]]":
    query = select(rows.position, rows.topic, rows.key, rows.value, rows.at)
    return query.where(rows.topic == topic).order_by(rows.position)
