"""The rows of `feeds` that are due -> polled, several at once, one of a host at a time."""

import asyncio
import contextlib
import logging
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from ingest.clock import to_ms
from ingest.feeds import claims
from ingest.feeds.outcome import Outcome
from ingest.feeds.poll import poll
from ingest.feeds.record import Polled, record
from ingest.feeds.tools import CollectTools
from ingest.fetch.guard import host_of
from ingest.verdict import Abort, Retry

log = logging.getLogger(f"tocsin.{__name__}")

__all__ = ["CollectTools", "Progress", "poll", "poll_all", "run_collect"]

Progress = Callable[[Counter[str]], None]  # how many polls came out how, poll by poll
GATHER_SECONDS = 0.01
RETRY_SECONDS = 2.0


async def poll_all(tools: CollectTools, *, due_only: bool, progress: Progress | None = None) -> Counter[str]:
    """Polls each feed once, or each that is due; gives how many polls came out how.

    Raises: Abort if the ledger cannot be written, Retry if it is away; what was polled by then is durable.
    """
    round_ = _Round(tools, progress, due_only=due_only)
    round_.add(await asyncio.to_thread(claims.due, tools, due_only=due_only))
    try:
        while round_.is_busy:
            round_.start()
            await round_.wait(60.0)
    finally:
        await round_.break_off()
    return round_.counts


async def run_collect(tools: CollectTools, stop: asyncio.Event, *, progress: Progress | None = None) -> None:
    """Polls what is due until `stop` is set; polls under way are broken off, and due again after the next start.

    Raises: Abort if the ledger cannot be written.
    """
    round_ = _Round(tools, progress, due_only=True)
    stopped = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            try:
                await _look_and_poll(round_, tools, stop, stopped)
            except Retry as verdict:  # the ledger is away: feeds stay due
                log.warning("collect waits", extra={"reason": str(verdict)})
                await asyncio.wait((stopped,), timeout=verdict.after_seconds or RETRY_SECONDS)
                await round_.give_back()
    finally:
        stopped.cancel()
        await round_.break_off()


async def _look_and_poll(
    round_: "_Round", tools: CollectTools, stop: asyncio.Event, stopped: "asyncio.Task[Any]"
) -> None:
    """Looks once for what is due, and polls until it is time to look again.

    Raises: Retry while the ledger is away.
    """
    round_.add(await asyncio.to_thread(claims.due, tools, due_only=True))
    loop = asyncio.get_running_loop()
    until = loop.time() + tools.settings.look_again_seconds
    while not stop.is_set() and (left := until - loop.time()) > 0:
        round_.start()
        await round_.wait(left, stopped)


class _Round:
    """Feeds that wait for a poll, by host, and polls that are under way."""

    def __init__(self, tools: CollectTools, progress: Progress | None, *, due_only: bool) -> None:
        self._tools, self._progress, self._due_only = tools, progress, due_only
        self._waiting: dict[str, deque[str]] = {}  # host -> ids of feeds; the host that waited longest comes first
        self._not_before: dict[str, int] = {}  # host -> ms since 1970, as politeness said
        self._polling: dict[asyncio.Task[None], str] = {}
        self._known: set[str] = set()  # ids that wait or are being polled
        self._broken_off: set[str] = set()  # ids whose polls ended before their record was written
        self.counts: Counter[str] = Counter()

    @property
    def is_busy(self) -> bool:
        return bool(self._waiting or self._polling)

    def add(self, feeds: "Iterable[Row[Any]]") -> None:
        """Puts feeds in line that are not there yet."""
        for feed in feeds:
            if feed.id not in self._known:
                self._known.add(feed.id)
                self._waiting.setdefault(_host(feed.url), deque()).append(feed.id)

    def start(self) -> None:
        """Starts polls while there is room and a host that may be asked."""
        now = to_ms(self._tools.clock())
        for host in list(self._waiting):
            while len(self._polling) < self._tools.settings.parallel and self._not_before.get(host, 0) <= now:
                seconds = self._tools.politeness.take(host)
                if seconds > 0:
                    self._not_before[host] = now + max(round(seconds * 1000), 1)
                    break
                line = self._waiting.pop(host)
                task = asyncio.create_task(self._poll(line.popleft(), host))
                self._polling[task] = host
                if not line:
                    break
                self._waiting[host] = line  # at the end: other hosts first
            if len(self._polling) >= self._tools.settings.parallel:
                return

    async def wait(self, seconds: float, stopped: "asyncio.Task[Any] | None" = None) -> None:
        """Until a poll has ended, a host may be asked again, `seconds` have passed, or the stop.

        Raises: what a poll raised.
        """
        tasks: set[asyncio.Task[Any]] = set(self._polling)
        if stopped is not None:
            tasks.add(stopped)
        left = min(seconds, self._until_next_host())
        if tasks:
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(left)
        for task in [task for task in self._polling if task.done()]:
            del self._polling[task]
            task.result()

    async def break_off(self) -> None:
        """Ends the polls that are under way; their feeds stay due."""
        for task in self._polling:
            task.cancel()
        await asyncio.gather(*self._polling, return_exceptions=True)
        self._polling.clear()
        await self.give_back()

    async def give_back(self) -> None:
        """Lets other processes poll what was broken off here; while the ledger is away, the claims run out."""
        with contextlib.suppress(Retry):
            await asyncio.to_thread(claims.give_back, self._tools, tuple(self._broken_off))
            self._broken_off.clear()

    def _until_next_host(self) -> float:
        if len(self._polling) >= self._tools.settings.parallel or not self._waiting:
            return 3600.0
        now = to_ms(self._tools.clock())
        soonest = min(self._not_before.get(host, 0) for host in self._waiting)
        return max((soonest - now) / 1000, GATHER_SECONDS)

    async def _poll(self, name: str, host: str) -> None:
        try:
            outcome = await self._outcome(name)
        except BaseException:
            self._broken_off.add(name)
            raise
        finally:
            self._tools.politeness.free(host)
            self._known.discard(name)
        if outcome is None:
            return
        log.info("feed polled", extra={"feed": name, "outcome": str(outcome)})
        self.counts[outcome] += 1
        if self._progress is not None:
            self._progress(Counter({str(outcome): 1}))

    async def _outcome(self, name: str) -> Outcome | None:
        """None where the feed left its list or another process polls it. A fault of our own is set aside, and the
        others go on.
        """
        feed = await asyncio.to_thread(claims.claim, self._tools, name, due_only=self._due_only)
        if feed is None:
            return None
        try:
            return await poll(feed, self._tools)
        except (Abort, Retry):
            raise
        except Exception as error:
            log.warning("poll failed", extra={"feed": name}, exc_info=True)
            why = f"a fault of Tocsin: {type(error).__name__}: {error}"[:300]
            polled = Polled(outcome=Outcome.FAILED, at=self._tools.clock(), detail=why)
            polled = replace(polled, trace=traceback.format_exc())
            return await asyncio.to_thread(record, feed, polled, self._tools)


def _host(url: str) -> str:
    try:
        return host_of(url)
    except ValueError:
        return ""  # the fetcher will refuse the address, and say why
