"""The archive, WARC files or addresses -> the route, silently unless asked; what came of each source is told."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from flows.assembly import Assembly, assembled
from flows.home import Home
from flows.opening import Parts, owning
from ingest import archive
from ingest.archive import Capture, files
from ingest.backfill import Captured, Fate, known, publish_captures, queue_addresses
from ingest.entry import Origin
from ingest.fetch.guard import check_url
from ingest.links import clean_link
from ingest.pages.visit import PAGE_TYPES
from ingest.verdict import Abort, Reject
from ingest.warc import Place, capture_at, places

log = logging.getLogger(f"tocsin.{__name__}")

Source = Literal["archive", "files", "addresses"]
BATCH = 32  # pages in one transaction
PROBLEMS = 50  # shown; the others are counted
LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillAsked:
    """What is brought in."""

    source: Source
    files: tuple[str, ...] = ()  # WARC files, or for addresses lists with one a line
    addresses: tuple[str, ...] = ()
    since: datetime | None = None  # captured at or after
    until: datetime | None = None  # captured before
    ring: bool = False  # as if it were news: watches that match ring


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFate:
    """What came of one source: a WARC file, or a list of addresses."""

    source: str
    outcomes: dict[str, int]  # captures or addresses by what came of them
    problem: str = ""  # why the source could not be read whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """What came of all of it."""

    sources: tuple[SourceFate, ...]
    fates: tuple[Fate, ...] = ()  # of each address; of captures only those that could not be used
    left_out: int = 0  # fates beyond those shown

    @property
    def outcomes(self) -> Counter[str]:
        return sum((Counter(source.outcomes) for source in self.sources), Counter[str]())


@dataclass(slots=True)
class _Book:
    """What came of each source so far."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)
    left_out: int = 0

    def count(self, source: str, outcomes: Mapping[str, int]) -> None:
        self.outcomes.setdefault(source, Counter()).update(outcomes)

    def note(self, fates: Iterable[Fate]) -> None:
        for fate in fates:
            if len(self.fates) < PROBLEMS:
                self.fates.append(fate)
            else:
                self.left_out += 1


def backfill_once(home: Home, asked: BackfillAsked, *, allow_loopback: bool = False) -> Backfilled:
    """Brings in what is asked for. Killed at any moment and run again it goes on: what is there is not taken twice.

    Raises: Abort if another process has the folder; Reject if what is asked cannot be.
    """
    _check(asked)
    with owning(home, allow_loopback=allow_loopback) as parts:

        async def done() -> Backfilled:
            async with assembled(parts) as assembly:
                return await backfilled(assembly, asked)

        return asyncio.run(done())


async def backfilled(assembly: Assembly, asked: BackfillAsked) -> Backfilled:
    """Brings in what is asked for, over the running route.

    Raises: Reject if what is asked cannot be; Abort if a list cannot be read.
    """
    _check(asked)
    if asked.source == "addresses":
        return await asyncio.to_thread(_addresses, assembly, asked)
    return await _captures(assembly, asked)


def read_lists(asked: BackfillAsked) -> BackfillAsked:
    """The same with the addresses of its lists in place of the files, for a process that cannot see them.

    Raises: Abort if a list cannot be read.
    """
    return replace(asked, files=(), addresses=tuple(url for urls in _lists(asked).values() for url in urls))


def _lists(asked: BackfillAsked) -> dict[str, list[str]]:
    given = {name: _lines(Path(name)) for name in asked.files}
    return given | ({"addresses": list(asked.addresses)} if asked.addresses else {})


def sentences(done: Backfilled) -> Iterable[str]:
    """What came of it, for people."""
    for source in done.sources:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(source.outcomes.items()))
        problem = f"; {source.problem}" if source.problem else ""
        yield f"{source.source}: {counts or 'nothing'}{problem}"
    for fate in done.fates:
        yield f"  {fate.outcome}: {fate.url}" + (f" ({fate.detail})" if fate.detail else "")
    if done.left_out:
        yield f"  {done.left_out} more are not shown"


def _check(asked: BackfillAsked) -> None:
    if asked.source == "archive" and (asked.files or asked.addresses):
        raise Reject("the archive is the folder's own: leave out files and addresses, or name another source")
    if asked.source == "files" and not asked.files:
        raise Reject("name the WARC files to bring in")
    if asked.source == "addresses" and not (asked.files or asked.addresses):
        raise Reject("name addresses, or files with one address a line")
    for moment in (asked.since, asked.until):
        if moment is not None and moment.tzinfo is None:
            raise Reject(f"{moment.isoformat()} has no time zone; write 2026-03-01T00:00:00Z")


def _origin(asked: BackfillAsked) -> Origin:
    return Origin.LIVE if asked.ring else Origin.BACKFILL


def _addresses(assembly: Assembly, asked: BackfillAsked) -> Backfilled:
    lists = _lists(asked)
    tools, settings = assembly.visiting(), assembly.parts.settings.fetch
    sources, fates = [], list[Fate]()
    for name, urls in lists.items():
        found = queue_addresses(urls, tools, settings, _origin(asked))
        sources.append(SourceFate(source=name, outcomes=dict(Counter(fate.outcome for fate in found))))
        fates += found
        log.info("addresses queued", extra={"addresses": len(found), **_logged(sources[-1].outcomes)})
    return Backfilled(sources=tuple(sources), fates=tuple(fates))


def _lines(path: Path) -> list[str]:
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Abort(f"cannot read the addresses in {path}: {error}") from error
    lines = (line.strip()[:LONGEST_LINE] for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


async def _captures(assembly: Assembly, asked: BackfillAsked) -> Backfilled:
    book = _Book()
    found = await asyncio.to_thread(_newest, assembly.parts, asked, book)
    async for path, batch in _batches(assembly, asked, found, book):
        counts, bad = await publish_captures(batch, assembly.visiting(), _origin(asked))
        book.count(path.name, counts)
        book.note(bad)
        log.info("captures brought in", extra={"captures": len(batch), **_logged(counts)})
    names = dict.fromkeys([*book.outcomes, *book.problems])
    sources = (
        SourceFate(source=name, outcomes=dict(book.outcomes.get(name, {})), problem=book.problems.get(name, ""))
        for name in names
    )
    return Backfilled(sources=tuple(sources), fates=tuple(book.fates), left_out=book.left_out)


def _newest(parts: Parts, asked: BackfillAsked, book: _Book) -> dict[Path, list[Place]]:
    """The newest capture of each page that the ledger does not have, by file, in order; the others are counted."""
    chosen: dict[str, tuple[Path, Place]] = {}
    for path in _paths(parts, asked):
        for place in _usable(path, asked, parts, book):
            url = clean_link(place.url)
            before = chosen.get(url)
            older = before is not None and before[1].fetched >= place.fetched
            if before is not None:
                book.count(path.name if older else before[0].name, {"older": 1})
            if not older:
                chosen[url] = (path, place)
    with parts.ledger.read() as connection:
        there = known(connection, chosen.keys())
    wanted: dict[Path, list[Place]] = {}
    for url, (path, place) in chosen.items():
        if url in there:
            book.count(path.name, {"known": 1})
        else:
            wanted.setdefault(path, []).append(place)
    return {path: sorted(some, key=lambda place: place.offset) for path, some in wanted.items()}


def _paths(parts: Parts, asked: BackfillAsked) -> list[Path]:
    return files(parts.home.archive) if asked.source == "archive" else [Path(name).expanduser() for name in asked.files]


def _usable(path: Path, asked: BackfillAsked, parts: Parts, book: _Book) -> Iterator[Place]:
    book.count(path.name, {})
    try:
        for place in places(path):
            if (asked.since and place.fetched < asked.since) or (asked.until and place.fetched >= asked.until):
                continue
            if place.status != 200 or (place.kind and not place.kind.startswith(PAGE_TYPES)):
                book.count(path.name, {"not a page": 1})
                continue
            try:
                check_url(place.url, parts.settings.fetch)
            except Reject as verdict:
                book.count(path.name, {"refused": 1})
                book.note([Fate(url=place.url, outcome="refused", detail=str(verdict))])
                continue
            yield place
    except OSError as error:
        book.problems[path.name] = f"cannot be read: {error.strerror}"
    except ValueError as error:
        book.problems[path.name] = str(error)


async def _batches(
    assembly: Assembly, asked: BackfillAsked, found: Mapping[Path, Sequence[Place]], book: _Book
) -> AsyncIterator[tuple[Path, list[Captured]]]:
    for path, some in found.items():
        left = iter(some)
        while batch := list(islice(left, BATCH)):
            captured = await asyncio.to_thread(_read, path, batch, assembly.parts, asked, book)
            if captured:
                yield path, captured


def _read(path: Path, batch: Sequence[Place], parts: Parts, asked: BackfillAsked, book: _Book) -> list[Captured]:
    """The pages of a batch with their place in the archive; what comes from elsewhere is put there first."""
    read: list[tuple[Place, Capture]] = []
    for place in batch:
        try:
            read.append((place, capture_at(path, place, parts.settings.fetch.page_limit_bytes)))
        except ValueError as error:
            book.count(path.name, {"unreadable": 1})
            book.note([Fate(url=place.url, outcome="unreadable", detail=str(error))])
    if asked.source == "archive":
        return [
            Captured(capture=capture, archive=archive.reference(path, place.offset), seen=place.fetched)
            for place, capture in read
        ]
    references = parts.archive.append([capture for _, capture in read])
    now = parts.clock()
    return [
        Captured(capture=capture, archive=reference, seen=now)
        for (_, capture), reference in zip(read, references, strict=True)
    ]


def _logged(outcomes: Mapping[str, int]) -> dict[str, int]:
    return {f"pages_{outcome.replace(' ', '_')}": count for outcome, count in outcomes.items()}
