"""How a poll went -> how long to wait for the next one. Pure functions."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ingest.feeds.settings import FeedSettings

GROWTH = 1.2  # after a poll with nothing new: the wait becomes about a fifth of the silence
AIM = 0.8  # new entries a poll to aim at: more of them shorten the interval in proportion
STEEPEST = 0.25
AFTER_MISSING = 0.5
JITTER = 0.1
MOST_DOUBLINGS = 10
MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
NO_CACHE = re.compile(r"(?:^|[,\s])no-(?:cache|store)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which waits, in seconds, a feed is polled."""

    first: float
    shortest: float
    longest: float


def bounds(settings: FeedSettings, *, is_own: bool) -> Bounds:
    """The bounds for a feed; `is_own` are servers of this machine, where they are allowed."""
    if is_own:
        short = settings.loopback_shortest_seconds
        return Bounds(first=short, shortest=short, longest=max(settings.longest_interval_seconds, short))
    shortest, longest = settings.shortest_interval_seconds, settings.longest_interval_seconds
    first = min(max(settings.first_interval_seconds, shortest), longest)
    return Bounds(first=first, shortest=shortest, longest=longest)


def learned(interval: float, new: int, *, missed: bool, bounds: Bounds) -> float:
    """The interval after a poll that showed `new` new entries; `missed` where none overlapped the poll before."""
    factor = max(STEEPEST, AIM / new) if new else GROWTH
    if missed:
        factor = min(factor, AFTER_MISSING)
    return _clamped((interval or bounds.first) * factor, bounds)


def wait(interval: float, floor: float, random: Callable[[], float], bounds: Bounds) -> float:
    """Seconds until the next poll after a good one: `interval` but not below `floor`, at most 10 % off.

    `random` gives a number from 0 to 1. Feeds with one interval part, also those at a bound.
    """
    least = _clamped(floor, bounds)
    return _jittered(max(_clamped(interval, bounds), least), least, bounds.longest, random)


def wait_after_failures(interval: float, failures: int, random: Callable[[], float], bounds: Bounds) -> float:
    """Seconds until the next poll after `failures` bad ones in a row: doubled with each, and never given up."""
    doubled = _clamped(interval, bounds) * 2.0 ** min(max(failures - 1, 0), MOST_DOUBLINGS)
    return _jittered(_clamped(doubled, bounds), bounds.shortest, bounds.longest, random)


def max_age(cache_control: str) -> float:
    """Seconds for which an answer says that it is fresh, 0.0 where it does not.

    >>> max_age("public, max-age=600"), max_age("no-cache, max-age=600")
    (600.0, 0.0)
    """
    found = MAX_AGE.search(cache_control)
    return float(found[1]) if found and not NO_CACHE.search(cache_control) else 0.0


def _clamped(seconds: float, bounds: Bounds) -> float:
    return min(max(seconds, bounds.shortest), bounds.longest)


def _jittered(seconds: float, least: float, most: float, random: Callable[[], float]) -> float:
    moved = seconds * (1 + JITTER * (2 * random() - 1))
    if moved < least:
        moved = least + (least - moved)  # mirrored at the bound, so that feeds part there too
    if moved > most:
        moved = most - (moved - most)
    return min(max(moved, least), most)
