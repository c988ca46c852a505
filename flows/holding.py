"""Which partitions a process reads, marked in the ledger -> those whose last holder died are read record by record."""

from collections.abc import Sequence

from sqlalchemy import select, update

from flows.stream import Received
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables.stream import groups
from ingest.ledger.upsert import upsert

MOVED_SECONDS = 10  # how often it is noted that a stage moves, where the stream does not keep that in the ledger
rows = groups.c


class Held:
    """What one worker holds of the topic that its stage reads.

    A mark is set when a partition is taken and removed at a clean end: found set, the last holder died, perhaps by one
    of its next `batch` records.
    """

    def __init__(self, ledger: Ledger, stage: str, topic: str, batch: int, clock: Clock = now) -> None:
        self._ledger, self._stage, self._topic, self._batch, self._clock = ledger, stage, topic, batch, clock
        self._careful: dict[int, int] = {}  # partition -> records still to be tried one by one
        self._moved_ms = 0

    @property
    def careful(self) -> bool:
        """Whether records have to be read one by one now."""
        return bool(self._careful)

    def taken(self, partitions: Sequence[int], *, whole: bool = False) -> None:
        """Marks partitions as held; `whole` where the topic has no partitions."""
        for partition in partitions:
            name = self._topic if whole else f"{self._topic}/{partition}"
            row = {"name": self._stage, "topic": name, "position": 0, "working": 1, "at": to_ms(self._clock())}
            with self._ledger.begin("rows") as transaction:
                mine = select(rows.working).where(rows.name == self._stage, rows.topic == name).with_for_update()
                died = transaction.execute(mine).scalar()
                marked = upsert(transaction, groups).values(row)
                transaction.execute(marked.on_conflict_do_update(index_elements=["name", "topic"], set_={"working": 1}))
            if died:
                self._careful[partition] = self._batch

    def given_up(self, partitions: Sequence[int], *, whole: bool = False) -> None:
        """Removes the marks: a clean end."""
        names = [self._topic if whole else f"{self._topic}/{partition}" for partition in partitions]
        with self._ledger.begin("rows") as transaction:
            mine = rows.name == self._stage, rows.topic.in_(names)
            transaction.execute(update(groups).where(*mine).values(working=0))
        for partition in partitions:
            self._careful.pop(partition, None)

    def looked_at(self, raw: Received | None) -> bool:
        """Whether `raw` has to be tried alone; None says that nothing was there to be read, and ends all care."""
        if raw is None:
            self._careful.clear()
            return False
        left = self._careful.get(raw.partition, 0)
        if left > 1:
            self._careful[raw.partition] = left - 1
        else:
            self._careful.pop(raw.partition, None)
        return left > 0

    def moved(self) -> None:
        """Notes, now and then, that the stage moves: for a stream that keeps no such note in the ledger."""
        at = to_ms(self._clock())
        if at - self._moved_ms < MOVED_SECONDS * 1000:
            return
        self._moved_ms = at
        row = {"name": self._stage, "topic": self._topic, "position": 0, "working": 0, "at": at}
        with self._ledger.begin("rows") as transaction:
            noted = upsert(transaction, groups).values(row)
            transaction.execute(noted.on_conflict_do_update(index_elements=["name", "topic"], set_={"at": at}))


class Holding:
    """What a stream that several processes share tells of partitions -> the worker of that stage."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def add(self, stage: str, held: Held) -> None:
        self._held[stage] = held

    def taken(self, group: str, topic: str, partitions: list[int]) -> None:
        self._held[group].taken(partitions)

    def given_up(self, group: str, topic: str, partitions: list[int]) -> None:
        self._held[group].given_up(partitions)
