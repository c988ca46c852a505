"""The records of the fetch queue: a fetch, where it stands, how it ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ingest.entry import Entry


class State(StrEnum):
    """Where a fetch stands; all but the first two are ends."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"  # an article was published
    UNCHANGED = "unchanged"  # the page says nothing new
    SAME = "same"  # another entry tells the same article
    REJECTED = "rejected"


IN_FLIGHT = (State.WAITING, State.LEASED)
LATER_REASONS = ("first-poll", "backfill")  # behind what is new


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How long the queue tries."""

    attempts: int = 8
    first_pause_seconds: float = 120.0  # ceiling of the pause after the first failure
    pause_growth: float = 3.0
    longest_pause_seconds: float = 43_200.0
    deaths: int = 3  # of children in which the page was read alone
    lease_seconds: float = 120.0  # kept on while a process works on it; after a kill another waits for its end
    fetches_per_host: int = 4  # taken at once; politeness decides how many of them start


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One row of the queue as it was taken."""

    id: str
    entry: Entry
    article: str
    reason: str  # new | edited | check-1h | check-6h | check-24h | first-poll | backfill
    attempts: int  # this one included
    deaths: int

    @property
    def is_check(self) -> bool:
        return self.reason.startswith("check-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one fetch ended."""

    id: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """A fetch to be tried again at `due`."""

    id: str
    due: datetime
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is still in the queue."""

    leased: int  # being worked on
    due_now: int
    due_within_30s: int
    later: int
    earliest: datetime | None  # when the next of the waiting is due

    @property
    def in_flight(self) -> int:
        return self.leased + self.due_now + self.due_within_30s + self.later
