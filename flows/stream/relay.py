"""The ledger's outbox -> the brokers: one process at a time sends what all have published, in order."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from flows.stream import outbox
from flows.stream.port import Received, Stream
from ingest.clock import Clock, now
from ingest.ledger import Ledger
from ingest.ledger.leases import Lease
from ingest.verdict import Retry

log = logging.getLogger(f"tocsin.{__name__}")

LEASE = "relay"
LEASE_SECONDS = 15.0
KEEP_SECONDS = 5.0  # how often the lease is kept
ROWS = 500  # a batch
BYTES = 5 * 1024 * 1024
IDLE_SECONDS = 0.1  # until it looks again where there was nothing
GATHER_SECONDS = 0.02  # from being woken until it looks: what is published in a moment goes together
STANDBY_SECONDS = 2.0  # until a process looks again whether the holder has died
RETRY_SECONDS = 1.0
SWEEP_SECONDS = 3600.0


class Relay:
    """Sends rows and marks them once they are acknowledged. Killed between the two, it sends them again."""

    def __init__(self, ledger: Ledger, stream: Stream, *, holder: str, clock: Clock = now) -> None:
        """`holder` names this process, as no other is named."""
        self._ledger, self._stream, self._clock = ledger, stream, clock
        self._lease = Lease(ledger, LEASE, holder, seconds=LEASE_SECONDS)
        self._kept: float | None = None  # when the lease was last taken or kept; None: not held
        self._swept = time.monotonic()
        self._waiting = False  # whether it has said that it waits
        self.sent = 0

    @property
    def leads(self) -> bool:
        """Whether this process is the one that sends."""
        return self._kept is not None

    def step(self) -> int:
        """Sends the next batch, where this process holds the lease; gives how many rows are sent now.

        Raises: Retry if the brokers or the ledger are away; Abort where waiting does not help.
        """
        if not self._holds():
            return 0
        rows = outbox.next_unsent(self._ledger, ROWS, BYTES)
        topics: dict[str, list[Received]] = {}
        for row in rows:
            topics.setdefault(row.topic, []).append(row)
        for topic, records in topics.items():
            self._stream.send(topic, [(record.key, record.value) for record in records])
            outbox.mark_sent(self._ledger, [record.position for record in records], self._clock())
            self.sent += len(records)
        return len(rows)

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until told to stop. Where another process holds the lease, waits for it to end or die."""
        woken = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake(_topics: frozenset[str]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(woken.set)

        self._ledger.listen(wake)
        try:
            while not stop.is_set():
                woken.clear()
                pause = await self._turn()
                if pause and not stop.is_set():
                    # Only the one that sends, and can, is woken by what is published.
                    await _first([stop, woken] if self.leads and not self._waiting else [stop], pause)
                    if woken.is_set():
                        await asyncio.sleep(GATHER_SECONDS)
        finally:
            await asyncio.to_thread(self._let_go)

    async def _turn(self) -> float:
        """One step; gives how long to wait before the next."""
        try:
            sent = await asyncio.to_thread(self.step)
            await asyncio.to_thread(self._sweep)
        except Retry as verdict:
            if not self._waiting:
                log.warning("relay waits", extra={"reason": str(verdict)})
            self._waiting = True
            return verdict.after_seconds or RETRY_SECONDS
        if self._waiting and self.leads:
            log.info("relay goes on", extra={"sent": sent})
            self._waiting = False
        if sent:
            return GATHER_SECONDS
        return IDLE_SECONDS if self.leads else STANDBY_SECONDS

    def _holds(self) -> bool:
        at = time.monotonic()
        if self._kept is not None and at - self._kept < KEEP_SECONDS:
            return True
        held = self._lease.keep() if self._kept is not None else self._lease.take()
        if held != (self._kept is not None):
            log.info("relay leads" if held else "relay stands by")
        self._kept = at if held else None
        return held

    def _sweep(self) -> None:
        if not self.leads or time.monotonic() - self._swept < SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        gone = outbox.sweep_sent(self._ledger, self._clock())
        if gone:
            log.info("outbox swept", extra={"rows": gone})

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept = None
            with contextlib.suppress(Retry):  # it runs out by itself
                self._lease.drop()


async def _first(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Waits until one is set, at most `seconds`."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
