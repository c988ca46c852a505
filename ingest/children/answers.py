"""What became of one item that was given to a child."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The function gave `value`."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The function raised, or the item may not be tried again; other items are not touched by it."""

    reason: str  # one line for people
    detail: str = ""  # the traceback


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """A child that worked on this item alone died of it, or had to be killed."""

    reason: str  # one line for people


Answer = Done | Failed | Died
