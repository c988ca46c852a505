"""What an operator may ask of any stream, and do to a group: the port, by kind as the stream's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from flows.stream.port import Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a group is in one partition. Offsets are of the next record; counts are of records."""

    partition: int | None  # None: on its way from the ledger to the brokers
    passed: int | None  # None: it has committed nothing yet
    end: int | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """Where a group would go back to in one partition."""

    partition: int
    passed: int  # where it is
    start: int  # where it would begin again
    records: int  # that would come again


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """From where on records are looked at: a position, in one partition or in all, or a time."""

    position: int | None = None
    partition: int | None = None
    at: int | None = None  # ms since 1970


class Operating(Protocol):
    """The stream as an operator sees it. Nothing here joins a group or takes a record."""

    def standing(self, group: str, topic: str) -> list[Standing]:
        """How far `group` is, by partition."""

    def records(self, topic: str, start: Start) -> Iterator[Received]:
        """The records of a topic from `start` on, by partition."""

    def newest(self, topic: str, count: int) -> list[Received]:
        """The newest records of a topic, oldest first."""

    def back_to(self, group: str, topic: str, at: int) -> list[Back]:
        """Where `group` would go back to for all records since `at` (ms since 1970) to come again; never forward."""

    def go_back(self, group: str, topic: str, places: Sequence[Back]) -> None:
        """Puts `group` there.

        Raises: Abort if the group has live members.
        """
