"""An owned folder -> the services of the route, each stage put together from its parts."""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from enrich.enricher import prepare
from enrich.stories.stage import StoriesStage
from flows.decoding import Decoder
from flows.holding import Holding
from flows.home import packs_cache
from flows.metrics import Meter
from flows.opening import Parts
from flows.route import READ_TWICE
from flows.stages import Admit, Enrich, Indexing, Stories, Watching
from flows.supervise import Bell, Service, rest, surviving, under_lease, working
from flows.worker import Stage, Worker
from ingest import extract, feeds, pages
from ingest.article import Article
from ingest.children import Children
from ingest.entry import Origin
from ingest.feeds.collect import CollectTools, poll_all, run_collect
from ingest.fetch import Fetcher, Politeness, Robots
from ingest.fetch.guard import is_open
from ingest.ledger.leases import Lease
from ingest.links import clean_link
from ingest.pages import plan_checks, run_pages
from ingest.verdict import Retry
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.deliver.channels import senders
from search.deliver.deliverer import Deliverer

GIVE_BACK_SECONDS = 2.0  # between two looks for hosts that other processes may have
FOLLOW_SECONDS = 1.0  # between two looks at what changed in the ledger
JOBS = {**pages.JOBS, feeds.FEED_JOB: "ingest.feeds:parse_feed", "enrich": "enrich.enricher:enrich_record"}


@dataclass(slots=True, kw_only=True)
class Counts:
    """What the services did since they started."""

    polls: Counter[str] = field(default_factory=Counter)  # by outcome
    pages: Counter[str] = field(default_factory=Counter)  # fetches by how they ended
    alerts: Counter[tuple[str, ...]] = field(default_factory=Counter)  # events by kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """The route over one folder. `children` and `fetcher` are shared by its stages."""

    parts: Parts
    children: Children
    fetcher: Fetcher
    politeness: Politeness
    bell: Bell
    deliverer: Deliverer
    counts: Counts = field(default_factory=Counts)
    meter: Meter = field(default_factory=Meter)
    decoder: Decoder = field(default_factory=lambda: Decoder(READ_TWICE))
    holding: Holding = field(default_factory=Holding)

    def services(self, stage: str) -> Iterator[Service]:
        """What has to run for one stage of the route.

        Raises: KeyError if there is no such stage.
        """
        yield from _SERVICES[stage](self)

    async def poll_each_once(self) -> None:
        """Polls every feed, whether it is due or not."""
        self.counts.polls += await poll_all(self.collecting(), due_only=False)

    async def poll_due_once(self) -> None:
        """Polls the feeds that are due."""
        self.counts.polls += await poll_all(self.collecting(), due_only=True)

    def collecting(self) -> CollectTools:
        """The parts of the collect stage."""
        parts = self.parts
        return CollectTools(
            ledger=parts.ledger,
            fetcher=self.fetcher,
            politeness=self.politeness,
            children=self.children,
            send=parts.ledger.publish,
            clock=parts.clock,
            settings=parts.settings.feeds,
            allow_loopback=parts.settings.fetch.allow_loopback,
            shared=parts.shared,
        )

    def visiting(self) -> pages.Tools:
        """The parts of the extract stage."""
        parts = self.parts
        return pages.Tools(
            ledger=parts.ledger,
            fetcher=self.fetcher,
            robots=Robots(parts.ledger, parts.settings.fetch, parts.clock),
            politeness=self.politeness,
            children=self.children,
            archive=parts.archive,
            send=parts.ledger.publish,
            clean=clean_link,
            page=extract.page_item,
            published=self._published,
            clock=parts.clock,
            settings=parts.settings.pages,
            sole=not parts.shared,
        )

    def _published(self, articles: Sequence[Article]) -> None:
        live = (article.seen for article in articles if article.origin is Origin.LIVE)
        self.meter.arrived("extract", live, self.parts.clock())

    def worker(self, stage: Stage[Any, Any], lease: Lease | None = None, **more: Any) -> Service:
        """A stage that reads a topic, as a service; under a lease where only one process may do it.

        `more` are the worker's `settled` and `ends`.
        """
        parts = self.parts
        worker = Worker(
            stage,
            parts.stream,
            parts.ledger,
            decoder=self.decoder,
            meter=self.meter,
            fence=lease.hold if lease else _free,
            clock=parts.clock,
            **more,
        )
        self.holding.add(stage.name, worker.held)
        service = working(worker, self.bell)
        return service if lease is None else under_lease(service, lease, worker.let_go)

    def lease(self, name: str) -> Lease | None:
        """What only one of several processes may do; None where this is the only one."""
        parts = self.parts
        return Lease(parts.ledger, name, parts.owner, clock=parts.clock) if parts.shared else None

    def alone(self, service: Service) -> Service:
        """The service, run by one process at a time."""
        lease = self.lease(service.name)
        return service if lease is None else under_lease(service, lease)

    def beside(self) -> Iterator[Service]:
        """What runs in every process, whatever its stages: the way from the ledger to brokers, and hosts given back."""
        parts = self.parts
        if parts.shared:
            yield Service("hosts", self._give_back_hosts)
        if not parts.stream.in_ledger:
            from flows.stream.kafka import KafkaStream
            from flows.stream.relay import Relay

            assert isinstance(parts.stream, KafkaStream)  # the one that does not stand in the ledger
            relay = Relay(parts.ledger, parts.stream, holder=parts.owner, clock=parts.clock)
            yield Service("relay", relay.run)

    async def _give_back_hosts(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if leases := self.politeness.idle():
                with contextlib.suppress(Retry):  # the ledger is away: they run out
                    await asyncio.to_thread(self.politeness.give_back, leases)
            await rest(stop, GIVE_BACK_SECONDS)


def _free(_transaction: Connection) -> None:
    """Nobody else is there."""


def _collect(assembly: Assembly) -> Iterator[Service]:
    async def run(stop: asyncio.Event) -> None:
        await run_collect(assembly.collecting(), stop, progress=assembly.counts.polls.update)

    yield Service("collect", run)


def _extract(assembly: Assembly) -> Iterator[Service]:
    async def run(stop: asyncio.Event) -> None:
        await run_pages(assembly.visiting(), stop, progress=assembly.counts.pages.update)

    yield assembly.worker(Admit(assembly.parts.clock), ends=False)
    yield Service("pages", run)


def _enrich(assembly: Assembly) -> Iterator[Service]:
    cache = packs_cache()
    stage = Enrich(assembly.children, cache)
    service = assembly.worker(stage)

    async def run(stop: asyncio.Event) -> None:
        await asyncio.to_thread(prepare, cache)
        await stage.try_out()
        await service.run(stop)

    yield Service(service.name, run)


def _stories(assembly: Assembly) -> Iterator[Service]:
    parts = assembly.parts
    stage = Stories(StoriesStage(parts.ledger, parts.settings.stories, parts.clock))
    yield assembly.worker(stage, assembly.lease("stories"))


def _index(assembly: Assembly) -> Iterator[Service]:
    index = assembly.parts.index
    service = assembly.worker(Indexing(index))

    async def run(stop: asyncio.Event) -> None:
        await asyncio.to_thread(index.check)
        await service.run(stop)

    # An index that is away is waited for without end: nothing but this stage needs it, and nothing is lost meanwhile.
    yield surviving(Service(service.name, run), math.inf)
    if assembly.parts.settings.index.url:
        yield assembly.alone(surviving(_following(assembly), math.inf))


def _following(assembly: Assembly) -> Service:
    """Alerts, polls and rejected records follow the ledger into Elasticsearch."""
    from search.index.elastic.follow import Follower
    from search.index.elastic.server import Server

    async def run(stop: asyncio.Event) -> None:
        server = Server(assembly.parts.settings.index)
        follower = Follower(assembly.parts.ledger, server, clock=assembly.parts.clock)
        try:
            while not stop.is_set():
                await asyncio.to_thread(follower.step)
                await rest(stop, FOLLOW_SECONDS)
        finally:
            server.close()

    return Service("follow", run)


def _watch(assembly: Assembly) -> Iterator[Service]:
    parts = assembly.parts
    stage = WatchStage(
        parts.ledger,
        parts.watches,
        Engine(),
        clock=parts.clock,
        plan_checks=plan_checks,
        settings=parts.settings.alerts,
    )
    watching = Watching(stage, assembly.counts.alerts)
    yield assembly.worker(watching, settled=watching.settled)


def _deliver(assembly: Assembly) -> Iterator[Service]:
    yield Service("deliver", assembly.deliverer.run)


_SERVICES: dict[str, Callable[[Assembly], Iterator[Service]]] = {
    "collect": _collect,
    "extract": _extract,
    "enrich": _enrich,
    "stories": _stories,
    "index": _index,
    "watch": _watch,
    "deliver": _deliver,
}


def _close(politeness: Politeness) -> None:
    with contextlib.suppress(Retry):  # the ledger is away: what this process held runs out
        politeness.close()


@asynccontextmanager
async def assembled(parts: Parts) -> AsyncIterator[Assembly]:
    """The route over a folder; on leaving, children end and hosts are given back."""
    settings = parts.settings
    async with AsyncExitStack() as stack:
        fetcher = await stack.enter_async_context(Fetcher(settings.fetch, clock=parts.clock))
        children = await stack.enter_async_context(Children(JOBS, settings.children))
        politeness = Politeness(parts.ledger, settings.fetch, parts.clock, parts.owner)
        if not parts.shared:  # elsewhere no process was ever called as this one is
            await asyncio.to_thread(politeness.release_all)
        stack.callback(_close, politeness)
        bell = Bell(asyncio.get_running_loop())
        parts.ledger.listen(bell.ring)
        holding = Holding()
        parts.stream.holdings, parts.stream.heard = holding, bell.ring
        made = senders(
            settings.channels,
            fetcher,
            lambda host, port: is_open(host, port, settings.fetch),
            settings=settings.deliver,
            clock=parts.clock,
        )
        deliverer = Deliverer(parts.ledger, made, settings.deliver, clock=parts.clock, shared=parts.shared)
        yield Assembly(
            parts=parts,
            children=children,
            fetcher=fetcher,
            politeness=politeness,
            bell=bell,
            deliverer=deliverer,
            holding=holding,
        )
