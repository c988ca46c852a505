"""Records as the stream gives them -> decoded once for the two stages that read their topic."""

from collections import OrderedDict
from collections.abc import Collection
from typing import Any, TypeVar

from flows.stream import Received
from ingest import wire

T = TypeVar("T")
KEPT = 64  # records of one stage until the other has come to them


class Decoder:
    """Remembers records of `topics` until they are asked for again. For the tasks of one loop.

    What it gives is frozen, so that stages may share it.
    """

    def __init__(self, topics: Collection[str] = ()) -> None:
        self._topics = frozenset(topics)
        self._records: OrderedDict[tuple[str, int, int, type], Any] = OrderedDict()

    def decode(self, raw: Received, kind: type[T]) -> T:
        """The record of `kind` in `raw`.

        Raises: ValueError as `wire.decode` does.
        """
        if raw.topic not in self._topics:
            return wire.decode(raw.value, kind)
        key = (raw.topic, raw.partition, raw.position, kind)
        found: T | None = self._records.pop(key, None)
        if found is None:
            found = wire.decode(raw.value, kind)
            while len(self._records) >= KEPT:
                self._records.popitem(last=False)
            self._records[key] = found
        return found
