"""What every stream can do: send, read in order, remember how far a group has read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One record as the stream gives it."""

    topic: str
    position: int  # grows within a topic and key; a number to commit, nothing else
    key: str
    value: bytes
    at: int  # when it was sent, ms since 1970


class Stream(Protocol):
    """At least once, in order per key. `commit` is durable when it returns; what was not committed comes again."""

    def send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Adds (key, value) records, in order; durable when it returns, or with the ledger transaction around it."""

    def read(self, group: str, topic: str, limit: int) -> list[Received]:
        """The next records that `group` has not been given; empty where there are none now."""

    def commit(self, group: str, topic: str, position: int) -> None:
        """Everything up to `position` has had its durable effect for `group`."""

    def rewind(self, group: str, topic: str) -> None:
        """The next `read` starts again after the last commit."""

    def lag(self, group: str, topic: str) -> int:
        """Records that `group` has not committed."""
