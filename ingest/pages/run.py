"""The fetch queue -> [articles]: takes what is due, visits, reads and publishes until told to stop."""

import asyncio
import contextlib
import logging
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from ingest import queue
from ingest.clock import to_ms
from ingest.fetch.guard import host_of
from ingest.pages.publish import publish
from ingest.pages.reading import Kept, Reading, read
from ingest.pages.tools import Tools
from ingest.pages.visit import Failure, Kind, Visit, visit
from ingest.queue import Fetch
from ingest.verdict import Abort, Retry

log = logging.getLogger(f"tocsin.{__name__}")

Given = TypeVar("Given")
Progress = Callable[[Counter[str]], None]  # how many fetches ended in which state, batch by batch
EXPIRY_SECONDS = 60.0
GATHER_SECONDS = 0.02
RETRY_SECONDS = 2.0


async def run_pages(tools: Tools, stop: asyncio.Event, *, progress: Progress | None = None) -> None:
    """Runs the extract stage until `stop` is set; what was visited by then is finished, the rest put back.

    The process may be killed at any moment: a page that was not finished is visited again after the next start, and
    nothing is published twice, as a revision is told by its text.
    Raises: Abort if the archive cannot be written.
    """
    if tools.sole:
        await asyncio.to_thread(queue.release_all, tools.ledger)
    stage = _Stage(tools, stop, progress or (lambda counts: None))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.take())
            for _ in range(tools.settings.finishers):
                group.create_task(stage.finish())
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors
    finally:
        await stage.put_back()


class _Stage:
    """What is under way: rows taken, visits running, visits to be finished."""

    def __init__(self, tools: Tools, stop: asyncio.Event, progress: Progress) -> None:
        self._tools, self._stop, self._progress = tools, stop, progress
        self._visited: asyncio.Queue[Visit | None] = asyncio.Queue()
        self._visiting: dict[asyncio.Task[None], Fetch] = {}
        self._in_hand: dict[str, tuple[Fetch, datetime]] = {}  # by id, with when it was last held for longer
        self._not_before: dict[str, int] = {}  # host -> ms since 1970, as politeness said
        self._changed = asyncio.Event()  # a visit or a batch has ended: there may be room, or a free host

    async def take(self) -> None:
        """Starts visits while there is room; on `stop`, lets the finishers end."""
        lease_seconds = self._tools.settings.queue.lease_seconds
        every = min(EXPIRY_SECONDS, lease_seconds / 4)
        expiry = asyncio.get_running_loop().time()
        while not self._stop.is_set():
            self._changed.clear()
            if asyncio.get_running_loop().time() >= expiry:
                expiry = asyncio.get_running_loop().time() + every
                await self._persist(self._look_at_leases, lease_seconds)
            for fetch, host in await self._persist(self._lease) or ():
                self._in_hand[fetch.id] = fetch, self._tools.now()
                task = asyncio.create_task(self._visit(fetch, host))
                self._visiting[task] = fetch
                task.add_done_callback(lambda ended: self._visiting.pop(ended, None))
            await self._wait()
        await self.put_back()
        for _ in range(self._tools.settings.finishers):
            self._visited.put_nowait(None)

    async def finish(self) -> None:
        """Finishes visits in batches until there are no more."""
        while batch := await self._batch():
            counts = await self._finish(batch)
            for visited in batch:
                self._in_hand.pop(visited.fetch.id, None)
            self._changed.set()
            log.info(
                "pages finished", extra={"pages": len(batch), **{f"pages_{name}": counts[name] for name in counts}}
            )
            self._progress(counts)

    async def _finish(self, batch: list[Visit]) -> Counter[str]:
        """Reads and publishes the batch; a fault of our own at one page is set aside, and the others go on.

        While the ledger is away it is tried again, for the pages are here; on `stop` they are left for the next start.
        """
        try:
            return await self._publish(await read(batch, self._tools))
        except Abort:
            raise
        except Retry as verdict:
            if self._stop.is_set():
                raise
            await self._ledger_is_away(verdict)
            return await self._finish(batch)
        except Exception as error:
            if len(batch) == 1:
                log.warning("page set aside", extra={"fetch": batch[0].fetch.id}, exc_info=True)
                return await self._publish([_unforeseen(batch[0], error)])
        counts: Counter[str] = Counter()
        for visited in batch:
            counts += await self._finish([visited])
        return counts

    async def _publish(self, readings: list[Reading]) -> Counter[str]:
        return await asyncio.to_thread(publish, readings, self._tools)

    async def _persist(self, call: Callable[..., Awaitable[Given]], *arguments: object) -> Given | None:
        """What the call gives; None while the ledger is away, after a pause."""
        try:
            return await call(*arguments)
        except Retry as verdict:
            await self._ledger_is_away(verdict)
            return None

    async def _ledger_is_away(self, verdict: Retry) -> None:
        log.warning("pages wait", extra={"reason": str(verdict)})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), verdict.after_seconds or RETRY_SECONDS)

    async def _look_at_leases(self, lease_seconds: float) -> None:
        """Holds for longer what takes long, and puts back what some process held for too long."""
        now = self._tools.now()
        old = now - timedelta(seconds=lease_seconds / 4)
        long = [fetch for fetch, since in self._in_hand.values() if since <= old]
        if long:
            await asyncio.to_thread(queue.renew, self._tools.ledger, long, now, lease_seconds)
            self._in_hand |= {fetch.id: (fetch, now) for fetch in long if fetch.id in self._in_hand}
        await asyncio.to_thread(queue.release_expired, self._tools.ledger, now)

    async def put_back(self) -> None:
        """Ends the visits that are under way; their rows wait again, as if never taken."""
        visiting = dict(self._visiting)
        for task in visiting:
            task.cancel()
        await asyncio.gather(*visiting, return_exceptions=True)
        self._visiting.clear()
        broken_off = [fetch for task, fetch in visiting.items() if task.cancelled()]
        if broken_off:
            await asyncio.to_thread(queue.release, self._tools.ledger, broken_off)

    async def _lease(self) -> list[tuple[Fetch, str]]:
        """The rows that may be visited now, leased, each holding its host."""
        settings, now = self._tools.settings, self._tools.now()
        room = min(settings.in_hand - len(self._in_hand), settings.batch)
        if room <= 0:
            return []
        at = to_ms(now)
        self._not_before = {host: until for host, until in self._not_before.items() if until > at}
        found = await asyncio.to_thread(
            queue.due,
            self._tools.ledger,
            now,
            room,
            per_host=settings.queue.fetches_per_host,
            skip_hosts=tuple(self._not_before),
        )
        held = {name: held_host for name, host, url in found if (held_host := self._hold(host, url)) is not None}
        try:
            leased = await asyncio.to_thread(
                queue.lease, self._tools.ledger, tuple(held), now, settings.queue.lease_seconds
            )
        except BaseException:
            for host in held.values():
                self._tools.politeness.free(host)
            raise
        taken = [(fetch, held.pop(fetch.id)) for fetch in leased]
        for host in held.values():
            self._tools.politeness.free(host)
        return taken

    def _hold(self, host: str, url: str) -> str | None:
        """The key of the host, now held; None while it may not be asked."""
        if self._not_before.get(host, 0) > to_ms(self._tools.now()):
            return None
        try:
            key = host_of(url)
        except ValueError:
            key = host  # the fetcher will refuse the address, and say why
        wait = self._tools.politeness.take(key)
        if wait > 0:
            self._not_before[host] = to_ms(self._tools.now() + timedelta(seconds=wait))
            return None
        return key

    async def _visit(self, fetch: Fetch, host: str) -> None:
        try:
            visited = await visit(fetch, host, self._tools)
        except Exception as error:
            log.warning("visit failed", extra={"fetch": fetch.id}, exc_info=True)
            failure = Failure(kind=Kind.LATER, reason=f"{type(error).__name__}: {error}")
            visited = Visit(fetch=fetch, failure=failure)
        finally:
            self._tools.politeness.free(host)
        self._visited.put_nowait(visited)
        self._changed.set()

    async def _batch(self) -> list[Visit]:
        """The next visits to finish together, a few or many; empty at the end."""
        first = await self._visited.get()
        if first is None:
            return []
        batch, deadline = [first], asyncio.get_running_loop().time() + self._tools.settings.linger_seconds
        while len(batch) < self._tools.settings.batch:
            try:
                async with asyncio.timeout_at(deadline):
                    found = await self._visited.get()
            except TimeoutError:
                break
            if found is None:
                self._visited.put_nowait(None)  # for the next call
                break
            batch.append(found)
        return batch

    async def _wait(self) -> None:
        """Until something changed, a host may be asked again, it is time to look again, or the end."""
        now = to_ms(self._tools.now())
        soonest = min(self._not_before.values(), default=now + 60_000)
        seconds = min(self._tools.settings.look_again_seconds, max((soonest - now) / 1000, GATHER_SECONDS))
        stopped, changed = asyncio.create_task(self._stop.wait()), asyncio.create_task(self._changed.wait())
        await asyncio.wait((stopped, changed), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, changed):
            task.cancel()
        if not self._stop.is_set():
            await asyncio.sleep(GATHER_SECONDS)  # more may end in a moment, and one look serves them all


def _unforeseen(visited: Visit, error: Exception) -> Reading:
    problem = f"{type(error).__name__}: {error}"[:300]
    page = visited.capture
    kind = page.headers.get("content-type", "text/html") if page else ""
    kept = Kept(reason=problem, detail=traceback.format_exc(), kind=kind, data=page.body if page else b"")
    return Reading(fetch=visited.fetch, problem=problem, kept=kept)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
