"""Deliveries that are due -> sent, tried again, or failed with a reason."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping

from ingest import wire
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.verdict import Reject, Retry
from search.alerts.acts import record
from search.alerts.ids import delivery_id
from search.deliver import outbox
from search.deliver.message import Message, message_of, notice_message, trial_message
from search.deliver.notices import Notice
from search.deliver.sender import Sender
from search.deliver.settings import DeliverySettings

log = logging.getLogger(f"tocsin.{__name__}")

RETRY_SECONDS = 2.0  # between two tries to reach a ledger that is away


class Deliverer:
    """Sends what is due, each channel on its own, so that a slow one keeps no other waiting.

    Attempts are counted before they are made. A process killed between sending and recording sends again, with the
    same id.
    """

    def __init__(
        self,
        ledger: Ledger,
        senders: Mapping[str, Sender],
        settings: DeliverySettings | None = None,
        *,
        clock: Clock = now,
        chance: Callable[[float, float], float] = random.uniform,
        shared: bool = False,
    ) -> None:
        """`shared`: other processes deliver from this ledger too."""
        self._ledger, self._senders, self._clock, self._chance = ledger, dict(senders), clock, chance
        self._settings, self._shared = settings or DeliverySettings(), shared
        self.counts: Counter[tuple[str, ...]] = Counter()  # attempts by channel, and by sent, later or failed

    async def run(self, stop: asyncio.Event) -> None:
        """Delivers until `stop` is set; what is being sent then is finished first. Waits while the ledger is away."""
        async with asyncio.TaskGroup() as tasks:
            for channel in self._senders:
                tasks.create_task(self._run(channel, stop))
            tasks.create_task(self._run_unknown(stop))

    async def step(self) -> int:
        """One pass over all channels; gives how many deliveries were tried."""
        await asyncio.to_thread(outbox.fail_unknown, self._ledger, self._senders.keys())
        return sum(await asyncio.gather(*(self._drain(channel) for channel in self._senders)))

    async def test_ring(self, channel: str, *, by: str) -> str:
        """Sends a test through `channel`, even while deliveries are held, and gives what came of it."""
        sender = self._senders.get(channel)
        if sender is None:
            return f"the settings have no channel {channel}; they have {', '.join(sorted(self._senders)) or 'none'}"
        at = self._clock()
        name = delivery_id(f"test {by} {to_ms(at)}", channel)
        try:
            said = await sender.send(trial_message(name, channel, by, at, self._settings.desk_url))
        except (Retry, Reject) as verdict:
            said = f"failed: {verdict}"
        await asyncio.to_thread(self._note_test, channel, by, said)
        return said

    def _note_test(self, channel: str, by: str, said: str) -> None:
        with self._ledger.begin("rows") as transaction:
            at = to_ms(self._clock())
            record(transaction, who=by, what="channel tested", subject=channel, detail=said, at_ms=at)

    async def _run(self, channel: str, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                if not await self._next(channel):
                    await _rest(stop, self._settings.look_seconds)
            except Retry as verdict:
                log.warning("deliveries wait", extra={"channel": channel, "reason": str(verdict)})
                await _rest(stop, RETRY_SECONDS)

    async def _run_unknown(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(Retry):  # the ledger is away, as the channels say
                await asyncio.to_thread(outbox.fail_unknown, self._ledger, self._senders.keys())
            await _rest(stop, 10 * self._settings.look_seconds)

    async def _drain(self, channel: str) -> int:
        count = 0
        while await self._next(channel):
            count += 1
        return count

    async def _next(self, channel: str) -> bool:
        """Tries the next delivery of a channel; False where none is due."""
        at = to_ms(self._clock())
        due = await asyncio.to_thread(
            outbox.take, self._ledger, channel, at, self._settings, self.pause_seconds, shared=self._shared
        )
        if due is None:
            return False
        await self._try(due, self._message(due))
        return True

    def _message(self, due: outbox.Due) -> Message:
        if due.alert is None or due.event is None:
            return notice_message(due.id, wire.decode(due.notice, Notice))
        return message_of(due.id, due.alert, due.event, self._settings.desk_url)

    async def _try(self, due: outbox.Due, message: Message) -> None:
        facts = {"channel": due.channel, "delivery": due.id, "attempt": due.attempt}
        try:
            said = await self._senders[due.channel].send(message)
        except Reject as verdict:
            await self._note(outbox.failed, due.id, str(verdict))
            self.counts[due.channel, "failed"] += 1
            log.error("delivery failed", extra=facts)
        except Retry as verdict:
            await self._put_off(due, verdict)
            log.warning("delivery waits", extra=facts)
        else:
            await self._note(outbox.sent, due.id, said, to_ms(self._clock()))
            self.counts[due.channel, "sent"] += 1
            log.info("delivered", extra=facts)

    async def _put_off(self, due: outbox.Due, verdict: Retry) -> None:
        if due.attempt >= self._settings.attempts:
            said = f"gave up after {due.attempt} attempts: {verdict}"
            await self._note(outbox.failed, due.id, said)
            self.counts[due.channel, "failed"] += 1
            return
        self.counts[due.channel, "later"] += 1
        asked = verdict.after_seconds
        until = to_ms(self._clock()) + round(asked * 1000) if asked else due.planned_ms
        await self._note(outbox.put_off, due.id, str(verdict), until)

    async def _note(self, note: Callable[..., None], *arguments: object) -> None:
        """Writes down what came of a delivery, however long the ledger is away: else it would be sent again."""
        while True:
            try:
                return await asyncio.to_thread(note, self._ledger, *arguments)
            except Retry as verdict:
                log.warning("deliveries wait", extra={"reason": str(verdict)})
                await asyncio.sleep(RETRY_SECONDS)

    def pause_seconds(self, attempt: int) -> float:
        """Seconds from one attempt to the next: doubles up to the longest, less up to a half by chance."""
        first, longest = self._settings.first_pause_seconds, self._settings.longest_pause_seconds
        ceiling = min(longest, first * 2.0 ** min(attempt - 1, 30))
        return self._chance(ceiling / 2, ceiling)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
