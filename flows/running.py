"""What an operator asks for -> the route at work in this process, until it is told to stop or nothing is left to do."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from enrich.enricher import compiled, prepare
from flows.assembly import Assembly, assembled
from flows.home import Home, packs_cache
from flows.monitored import health_of, monitored
from flows.opening import Parts, owning
from flows.progress import Progress
from flows.route import ARROWS, ROUTE
from flows.settings import Settings
from flows.standing import Left, is_idle, left, stalled
from flows.subscribing import counted, subscribe_to
from flows.supervise import AGAIN_SECONDS, Service, rest, run_until, surviving
from flows.sweeping import swept_once
from ingest.verdict import Abort, Retry
from search.deliver.heartbeat import Heartbeat
from search.people.store import People
from search.query.parse import parse
from search.watches import read_watches

if TYPE_CHECKING:
    from flows.serving import DeskPage

log = logging.getLogger(f"tocsin.{__name__}")

T = TypeVar("T")
SWEEP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `tocsin run` was asked for."""

    sources: tuple[str, ...] = ()  # lists or addresses of feeds
    watches: Path | None = None
    allow_loopback: bool = False
    until_idle: bool = False  # each feed once, then every stage until nothing is due within 30 s
    desk: bool = True
    port: int | None = None
    settings: Settings | None = None  # the folder's own where None
    stages: tuple[str, ...] = tuple(arrow.stage for arrow in ROUTE)
    beside: tuple[Service, ...] = ()  # further services that run and end with the route
    ends: Callable[[], bool] | None = None  # once it is true, ends as soon as nothing is left to do soon
    opened: Callable[[str], None] = field(default=lambda _address: None)  # told the address of the desk page


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was done, and what is left."""

    polls: dict[str, int]
    pages: dict[str, int]
    left: Left


def run(home: Home, plan: Plan, progress: Progress | None = None) -> Summary:
    """Runs until Ctrl-C, SIGTERM, or with `until_idle` until nothing is left to do soon.

    The process may be killed at any moment and started again: nothing is lost, and nothing rings twice.
    Raises: Abort saying what is wrong and what to do.
    """
    say = progress.say if progress else log.warning
    with owning(home, allow_loopback=plan.allow_loopback, settings=plan.settings, waiting=say) as parts:
        _prepare(parts, plan, progress)
        return asyncio.run(_run(parts, plan, progress))


def _prepare(parts: Parts, plan: Plan, progress: Progress | None) -> None:
    if "enrich" in plan.stages and not compiled(packs_cache()):
        if progress:
            progress.say("compiling the names of the packs, once: some ten seconds")
        prepare(packs_cache())
    if plan.sources:
        added = subscribe_to(parts, plan.sources)
        if progress and added:
            progress.say(counted(added))
    if plan.watches is not None:
        for sentence in take_over_watches(parts, plan.watches):
            if progress:
                progress.say(f"watch {sentence}")


def take_over_watches(parts: Parts, path: Path) -> list[str]:
    """Takes over the watches of a file; gives a sentence for each that changed.

    Raises: Abort if the file cannot be read; WatchError if it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Abort(f"cannot read the watches in {path}: {error}") from error
    return parts.watches.synchronise(read_watches(text, str(path), parse))


async def _run(parts: Parts, plan: Plan, progress: Progress | None) -> Summary:
    page = _page(parts, plan) if plan.desk and not plan.until_idle else None
    if page is not None:
        parts = _with_desk_address(parts, page.address)
    async with assembled(parts) as assembly:
        health = health_of(assembly, plan.stages)
        services = [*_services(assembly, plan), *monitored(health, parts.settings.health)]
        if progress:
            services.append(_showing(assembly, progress))
        done = None
        if plan.until_idle:
            polled = asyncio.Event()
            services.append(_polling_once(assembly, polled))
            done = _idle(assembly, polled.is_set)
        elif plan.ends is not None:
            done = _idle(assembly, plan.ends)
        if page is not None:
            services.append(Service("desk", lambda stop: page.serve(assembly, health, stop)))
            parts.ownership.announce(desk=page.own_address)
            plan.opened(page.address)
        patience = _patience(parts.settings)
        await run_until([surviving(service, patience) for service in services], done)
        standing = await asyncio.to_thread(_patiently, parts, lambda: left(parts.ledger, parts.stream, parts.clock()))
        return Summary(polls=dict(assembly.counts.polls), pages=dict(assembly.counts.pages), left=standing)


def _page(parts: Parts, plan: Plan) -> "DeskPage":
    # Only here: a run without a page needs no web framework in its memory.
    from flows.serving import DeskPage

    desk = parts.settings.desk
    chosen = desk if plan.port is None else replace(desk, port=plan.port)
    return DeskPage.bound(chosen, people=People(parts.ledger).any())


def _with_desk_address(parts: Parts, url: str) -> Parts:
    """Permalinks lead to where the page really answers, unless the operator named an address."""
    deliver = parts.settings.deliver
    if deliver.desk_url != type(deliver)().desk_url:
        return parts
    return replace(parts, settings=replace(parts.settings, deliver=replace(deliver, desk_url=url)))


def _services(assembly: Assembly, plan: Plan) -> list[Service]:
    stages = [stage for stage in plan.stages if not (plan.until_idle and stage == "collect")]
    services = [service for stage in stages for service in assembly.services(stage)]
    services += [*plan.beside, *assembly.beside()]
    if not plan.until_idle:
        services += [assembly.alone(service) for service in (_sweeping(assembly.parts), _beating(assembly))]
    return services


def _patience(settings: Settings) -> float:
    """Seconds that a service may find its servers away."""
    return max(settings.ledger.wait_seconds, settings.stream.wait_seconds)


def _beating(assembly: Assembly) -> Service:
    parts = assembly.parts
    heartbeat = Heartbeat(
        parts.ledger,
        assembly.fetcher,
        lambda: stalled(parts.ledger, parts.stream, parts.clock),
        parts.settings.deliver,
        clock=parts.clock,
    )
    return Service("heartbeat", heartbeat.run)


def _sweeping(parts: Parts) -> Service:
    """Retention, once an hour."""

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.to_thread(swept_once, parts)
            try:
                await asyncio.wait_for(stop.wait(), SWEEP_SECONDS)
            except TimeoutError:
                continue

    return Service("retention", run)


def _showing(assembly: Assembly, progress: Progress) -> Service:
    async def run(stop: asyncio.Event) -> None:
        parts = assembly.parts
        while not stop.is_set():
            with contextlib.suppress(Retry):  # a server is away: those who need it say so
                now = await asyncio.to_thread(left, parts.ledger, parts.stream, parts.clock())
                await asyncio.to_thread(progress.show, parts.ledger, now, assembly.counts.polls)
            await rest(stop, progress.every_seconds)

    return Service("progress", run)


def _polling_once(assembly: Assembly, polled: asyncio.Event) -> Service:
    async def run(stop: asyncio.Event) -> None:
        polling = asyncio.create_task(assembly.poll_each_once())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((polling, stopping), return_when=asyncio.FIRST_COMPLETED)
        if polling.done():
            stopping.cancel()
            polling.result()
            polled.set()
            await stop.wait()
        else:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)

    return Service("collect", run)


def _idle(assembly: Assembly, may_end: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    parts = assembly.parts

    async def done() -> bool:
        if not may_end():
            return False
        try:
            return await asyncio.to_thread(is_idle, parts.ledger, parts.stream, parts.clock())
        except Retry:  # a server is away: what waits there is not done
            return False

    return done


def collect_once(home: Home, *, allow_loopback: bool = False) -> dict[str, int]:
    """Polls the feeds that are due, once; gives how many polls came out how. What they showed waits in the folder.

    Raises: Abort if another process has the folder.
    """

    async def polls(parts: Parts) -> Counter[str]:
        async with assembled(parts) as assembly:
            await assembly.poll_due_once()
            return assembly.counts.polls

    with owning(home, allow_loopback=allow_loopback) as parts:
        return dict(asyncio.run(polls(parts)))


def drain_once(home: Home, stage: str, *, allow_loopback: bool = False) -> dict[str, int]:
    """Runs one stage until it has nothing to do now; gives what was left before and after.

    Raises: Abort if there is no such stage, another process has the folder, or workers of the stage are running.
    """
    known_stage(stage)

    async def drained(parts: Parts) -> dict[str, int]:
        async with assembled(parts) as assembly:
            await asyncio.to_thread(_patiently, parts, lambda: _refuse_beside_workers(parts, stage))
            before = await asyncio.to_thread(_patiently, parts, lambda: _left_of(parts, stage))

            async def done() -> bool:
                return await asyncio.to_thread(_patiently, parts, lambda: _left_of(parts, stage)) == 0

            services = [*assembly.services(stage), *assembly.beside()]
            if stage == "collect":
                await assembly.poll_due_once()
            else:
                await run_until([surviving(one, _patience(parts.settings)) for one in services], done)
            after = await asyncio.to_thread(_patiently, parts, lambda: _left_of(parts, stage))
            return {"before": before, "after": after}

    with owning(home, allow_loopback=allow_loopback) as parts:
        return asyncio.run(drained(parts))


def _refuse_beside_workers(parts: Parts, stage: str) -> None:
    if parts.stream.in_ledger or not ARROWS[stage].reads:
        return
    from flows.stream.kafka import KafkaStream
    from flows.stream.kafka_operating import KafkaOperating

    assert isinstance(parts.stream, KafkaStream)  # the one that does not stand in the ledger
    count = KafkaOperating(parts.stream, parts.ledger).workers(stage)
    if count:
        raise Abort(
            f"{count} workers of {stage} are running (a killed one counts for 10 s), and do what a drain would do: "
            "stop them first, or let them work"
        )


def _patiently(parts: Parts, look: Callable[[], T]) -> T:
    """What `look` gives, asked again while a server is away.

    Raises: Abort if it stays away.
    """
    patience = _patience(parts.settings)
    until = time.monotonic() + patience
    while True:
        try:
            return look()
        except Retry as verdict:
            if time.monotonic() > until:
                raise Abort(f"{verdict} (waited {patience:.0f} s)") from verdict
            time.sleep(AGAIN_SECONDS)


def test_ring(home: Home, channel: str, by: str) -> str:
    """What came of a test ring through a channel of the settings.

    Raises: Abort if another process has the folder.
    """

    async def ring(parts: Parts) -> str:
        async with assembled(parts) as assembly:
            return await assembly.deliverer.test_ring(channel, by=by)

    with owning(home) as parts:
        return asyncio.run(ring(parts))


def known_stage(stage: str) -> None:
    """Raises: Abort naming the stages, if `stage` is none of them."""
    stages = [arrow.stage for arrow in ROUTE]
    if stage not in stages:
        raise Abort(f"there is no stage {stage!r}; there are {', '.join(stages)}")


def _left_of(parts: Parts, stage: str) -> int:
    """What the stage has to do now or within 30 seconds."""
    standing = left(parts.ledger, parts.stream, parts.clock())
    if stage == "deliver":
        return standing.deliveries_soon
    pages = standing.pages
    in_queue = pages.leased + pages.due_now + pages.due_within_30s if stage == "extract" else 0
    return standing.records.get(stage, 0) + in_queue


def sentences(summary: Summary) -> Iterable[str]:
    """The summary for people."""
    if summary.polls:
        yield "feeds polled: " + _listed(summary.polls)
    if summary.pages:
        yield "pages: " + _listed(summary.pages)
    yield from summary.left.sentences


def _listed(counts: dict[str, int]) -> str:
    shown: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} {name}" for name, count in shown if count)
