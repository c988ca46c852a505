"""A folder -> swept of what is old, its feeds and stores looked at, and whoever operates it told what is wrong."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from flows.doctoring import Check, examine
from flows.home import Home
from flows.opening import Parts, owning
from flows.route import READERS
from flows.sending import send_due
from flows.standing import Left, left
from flows.troubles import Look, Told, Trouble, listed, mark_of, tell_troubles
from ingest.clock import to_ms
from ingest.feeds.health import FeedHealth, health
from ingest.retention import sweep
from search.deliver.notices import fates

MOST_FEEDS = 1_000_000
FAILING_TIMES = 3  # in a row, as the doctor counts
AREAS = ("feed", "check")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What somebody else looked at, such as the flows of a scheduler."""

    areas: tuple[str, ...]  # of the troubles, where it could look
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """What one round of maintenance did and found."""

    swept: dict[str, int]  # what was removed, by kind; empty where nothing was to be swept
    feeds: tuple[FeedHealth, ...]  # those in trouble
    read: int  # feeds that are read
    checks: tuple[Check, ...]
    left: Left  # what waits where
    told: Told
    channels: dict[str, str] = field(default_factory=dict)  # what became of the notice by channel

    @property
    def fine(self) -> bool:
        return all(check.fine for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintainAsked:
    """What one round does besides looking."""

    sweep: bool = True
    seen: Seen | None = None


def maintain_once(home: Home, asked: MaintainAsked) -> Maintained:
    """One round, and what it has to tell is sent, with all else that is due.

    Raises: Abort if another process has the folder.
    """
    with owning(home) as parts:
        done = maintained(parts, asked)
        if done.told.notice:
            send_due(parts)
        return _with_fates(parts, done)


def maintained(parts: Parts, asked: MaintainAsked) -> Maintained:
    """One round; the deliver stage sends what it has to tell. It may be killed at any moment and run again."""
    swept = swept_once(parts) if asked.sweep else {}
    now = parts.clock()
    feeds, checks = health(parts.ledger, now, MOST_FEEDS), examine(parts.home)
    found = [*_feed_troubles(parts, feeds), *_check_troubles(checks)]
    seen = asked.seen or Seen(areas=(), troubles=())
    look = Look(troubles=[*found, *seen.troubles], areas=(*AREAS, *seen.areas), at=now)
    told = tell_troubles(parts.ledger, look, parts.settings.operate, parts.settings.deliver.desk_url)
    return _with_fates(
        parts,
        Maintained(
            swept=swept,
            feeds=tuple(feed for feed in feeds if feed.silent or feed.failures >= FAILING_TIMES),
            read=len(feeds),
            checks=tuple(checks),
            left=left(parts.ledger, parts.stream, now),
            told=told,
        ),
    )


def swept_once(parts: Parts) -> dict[str, int]:
    """Retention: gives how much was removed, by kind."""
    readers: dict[str, list[str]] = {}
    for arrow in READERS:
        readers.setdefault(arrow.reads, []).append(arrow.stage)
    kept = parts.settings.retention
    gone = sweep(parts.ledger, parts.home.archive, parts.clock(), kept, readers=readers)
    before = to_ms(parts.clock() - timedelta(days=kept.articles_days))
    return asdict(gone) | {"indexed": parts.index.remove_before(before) or 0}


def sentences(done: Maintained) -> Iterable[str]:
    """What was done and found, for people."""
    removed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in done.swept.items() if count)
    yield f"removed: {removed or 'nothing was old'}" if done.swept else "nothing was swept"
    yield f"feeds: {done.read} read, {len(done.feeds)} in trouble"
    yield from (f"{'✓' if check.fine else '✗'} {check.name}: {check.said}" for check in done.checks)
    yield from listed(done.told)
    yield from (f"told {channel}: {fate}" for channel, fate in done.channels.items())


def _with_fates(parts: Parts, done: Maintained) -> Maintained:
    if not done.told.notice:
        return done
    return replace(done, channels=fates(parts.ledger, done.told.notice))


def _feed_troubles(parts: Parts, feeds: Sequence[FeedHealth]) -> Iterator[Trouble]:
    if not parts.settings.operate.silent_feeds:
        return
    for feed in feeds:
        if feed.silent:
            since = f" since {_moment(feed.last_new)}" if feed.last_new else ""
            said = f"the feed {feed.title} has shown nothing new{since}, much longer than usual: see {feed.url}"
            yield Trouble(key=f"feed {feed.id}", mark=_moment(feed.last_new), said=said)


def _check_troubles(checks: Sequence[Check]) -> Iterator[Trouble]:
    for check in checks:
        if not check.fine:
            yield Trouble(key=f"check {check.name}", mark=mark_of(check.said), said=f"{check.name}: {check.said}")


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
