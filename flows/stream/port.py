"""What every stream can do: send, read in order, remember how far a group has read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One record as the stream gives it."""

    topic: str
    position: int  # grows within a topic and partition
    key: str
    value: bytes
    at: int  # when it was sent, ms since 1970
    partition: int = 0
    fault: str = ""  # why `value` is not what was sent; the worker rejects the record with this reason


class Holdings(Protocol):
    """Told which partitions this process reads, so that one whose last holder died can be read with care.

    Only a stream that several processes share calls it. Both may write to the ledger.
    """

    def taken(self, group: str, topic: str, partitions: list[int]) -> None:
        """Called before the first record of these is given; while it raises, none of them is."""

    def given_up(self, group: str, topic: str, partitions: list[int]) -> None:
        """Called before these are let go cleanly; not for those that were lost, for others read them already."""


class Stream(Protocol):
    """At least once, in order per key. `commit` is durable when it returns; what was not committed comes again.

    Where `in_ledger`, `send` and `commit` join the ledger transaction around them. Elsewhere they stand for themselves
    and must not be called inside one: they may wait for servers, and for `holdings`. There every method may raise Retry
    while the servers are away, and Abort where waiting does not help.
    """

    holdings: Holdings | None
    heard: Callable[[frozenset[str]], None] | None  # called with topics of which records came while nobody read

    @property
    def in_ledger(self) -> bool:
        """Whether what is sent and committed stands or falls with the ledger transaction around it."""

    def send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Adds (key, value) records, in order; durable when it returns, or with the ledger transaction around it."""

    def read(self, group: str, topic: str, limit: int) -> list[Received]:
        """The next records that `group` has not been given; empty where there are none now."""

    def commit(self, group: str, topic: str, received: Sequence[Received]) -> None:
        """These, and all before them in their partitions, have had their durable effects for `group`."""

    def rewind(self, group: str, topic: str) -> None:
        """The next `read` starts again after the last commit."""

    def leave(self, group: str, topic: str) -> None:
        """Lets others read what `group` reads here, until it reads again."""

    def lag(self, group: str, topic: str) -> int:
        """Records that `group` has not committed, and those on their way to the topic."""

    def waiting(self, group: str, topic: str) -> Iterator[Received]:
        """The records that `lag` counts, looked at without taking them; one that moves meanwhile may come twice."""

    def close(self) -> None:
        """Lets go of what it holds; what was not committed comes again, here or elsewhere."""
