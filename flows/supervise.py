"""Services -> one process that runs them together, stops them cleanly, and stops all when one cannot go on."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from flows.worker import Worker
from ingest.ledger.leases import Lease
from ingest.verdict import Abort, Retry

log = logging.getLogger(f"tocsin.{__name__}")

LOOK_SECONDS = 1.0  # how often an idle worker looks, should a wake-up have been missed
DONE_SECONDS = 0.4  # how often it is asked whether all is done
STOP_SECONDS = 20.0
AGAIN_SECONDS = 2.0  # from one try to the next, while a server is away
STANDBY_SECONDS = 2.0  # how often a process looks whether the holder of a lease has died
WELL_SECONDS = 60.0  # a service that ran for so long was well
SAID_SECONDS = 60.0  # until it is said again that a service waits


@dataclass(frozen=True, slots=True)
class Service:
    """Something that runs until told to stop. It must return soon after `stop` is set."""

    name: str
    run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]


class Bell:
    """Wakes whoever waits for records of a topic; may be rung from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._events: dict[str, asyncio.Event] = {}

    def event(self, topic: str) -> asyncio.Event:
        return self._events.setdefault(topic, asyncio.Event())

    def ring(self, topics: Iterable[str]) -> None:
        """Called when records of `topics` have become durable."""
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._set, tuple(topics))

    def _set(self, topics: tuple[str, ...]) -> None:
        for topic in topics:
            self.event(topic).set()


def working(worker: Worker[Any, Any], bell: Bell) -> Service:
    """A worker as a service: works while there is something, then waits for the bell."""

    async def run(stop: asyncio.Event) -> None:
        heard = bell.event(worker.stage.reads)
        await asyncio.to_thread(worker.start)
        while not stop.is_set():
            heard.clear()
            if not await worker.step():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(heard.wait(), LOOK_SECONDS)
        await asyncio.to_thread(worker.stop)

    return Service(worker.stage.name, run)


def surviving(service: Service, give_up_seconds: float) -> Service:
    """The service, begun again after each Retry: servers go away and come back.

    Raises: Abort once it has not been well for `give_up_seconds`.
    """

    async def run(stop: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        failing: float | None = None
        said = -SAID_SECONDS
        while not stop.is_set():
            began = clock()
            try:
                await service.run(stop)
                return
            except Retry as error:
                verdict = error
            except BaseExceptionGroup as group:
                verdict = _only_retries(group)
            failing = clock() if failing is None or clock() - began > WELL_SECONDS else failing
            if clock() - failing > give_up_seconds:
                raise Abort(f"{verdict} (waited {give_up_seconds:.0f} s)") from verdict
            if clock() - said >= SAID_SECONDS:
                log.warning("service waits", extra={"service": service.name, "reason": str(verdict)})
                said = clock()
            await rest(stop, verdict.after_seconds or AGAIN_SECONDS)

    return Service(service.name, run)


def _only_retries(group: BaseExceptionGroup[BaseException]) -> Retry:
    """The first Retry of a group that holds nothing else.

    Raises: the first error that is none.
    """
    _, rest = group.split(Retry)
    found: BaseException = rest or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    if not isinstance(found, Retry):
        raise found
    return found


def under_lease(service: Service, lease: Lease, let_go: Callable[[], None] = lambda: None) -> Service:
    """The service, run only while this process holds the lease; another process goes on when this one dies.

    `let_go` is called once the service has ended, before another may take the lease.
    """

    async def run(stop: asyncio.Event) -> None:
        while not stop.is_set():
            if await asyncio.to_thread(lease.take):
                log.info("lease taken", extra={"lease": lease.name})
                await _while_held(service, lease, let_go, stop)
            await rest(stop, STANDBY_SECONDS)

    return Service(service.name, run)


async def _while_held(service: Service, lease: Lease, let_go: Callable[[], None], stop: asyncio.Event) -> None:
    ended = asyncio.Event()
    work = asyncio.create_task(service.run(ended))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set() and not work.done():
            await asyncio.wait((work, stopping), timeout=lease.seconds / 3, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set() and not work.done() and not await asyncio.to_thread(lease.keep):
                log.warning("lease lost", extra={"lease": lease.name})
                break
    finally:
        stopping.cancel()
        ended.set()
        try:
            await work
        finally:
            await asyncio.to_thread(let_go)
            await asyncio.to_thread(lease.drop)


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Waits, but not beyond the stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def run_until(services: Iterable[Service], done: Callable[[], Awaitable[bool]] | None = None) -> None:
    """Runs the services until Ctrl-C, SIGTERM, `done()`, or until one fails.

    Raises: what the first failing service raised, once the others have stopped.
    """
    stop = asyncio.Event()
    with contextlib.ExitStack() as restored:
        _on_signals(stop, restored)
        tasks = [asyncio.create_task(service.run(stop), name=service.name) for service in services]
        watching = asyncio.create_task(_stop_when(done, stop)) if done else None
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, waiting, *([watching] if watching else [])], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for task in late:
            log.warning("service did not stop", extra={"service": task.get_name()})
            task.cancel()
        waiting.cancel()
        if watching:
            watching.cancel()
        ended = await asyncio.gather(*tasks, *([watching] if watching else []), return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome


async def _stop_when(done: Callable[[], Awaitable[bool]], stop: asyncio.Event) -> None:
    while not stop.is_set() and not await done():
        await asyncio.sleep(DONE_SECONDS)
    stop.set()


def _on_signals(stop: asyncio.Event, restored: contextlib.ExitStack) -> None:
    """The first Ctrl-C stops cleanly; a second one ends the process at once, which loses nothing either."""
    loop = asyncio.get_running_loop()

    def ask(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):  # not in the main thread
            loop.add_signal_handler(number, ask, number)
            restored.callback(loop.remove_signal_handler, number)


@contextlib.asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Runs one service beside the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(service.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task
