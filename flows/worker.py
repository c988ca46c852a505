"""One stage over one topic: records in, durable effects and records out, no record lost and none in another's way."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from sqlalchemy import Connection, delete, func, select

from flows.decoding import Decoder
from flows.holding import Held
from flows.metrics import Meter
from flows.stream import Received, Stream
from ingest import wire
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.store import Part
from ingest.ledger.tables import stream as tables
from ingest.ledger.upsert import upsert
from ingest.rejected import has_retried, reject, resolve_stream
from ingest.verdict import Abort, Reject, Retry

log = logging.getLogger(f"tocsin.{__name__}")

Outgoing = Sequence[tuple[str, bytes]]
In = TypeVar("In")
Ready = TypeVar("Ready")
DEATHS = 3  # of a record that was tried alone
SAID_SECONDS = 60.0  # until it is said again that a stage waits


@dataclass(frozen=True, slots=True)
class Unfit:
    """A record that could not be prepared, and why."""

    reason: str
    detail: str = ""


class Stage(Protocol[In, Ready]):
    """A stage of the route. `prepare` may take long; what it does outside the ledger is harmless when done again.

    `part` says what `apply` changes in the ledger. Where it is None, `apply` is never called: what was prepared are
    the (key, value) records to send on, if the stage writes a topic.
    """

    name: str
    reads: str
    writes: str  # topic, empty where nothing goes on
    kind: type[In]  # of the records; `bytes`: as they are
    batch: int
    part: Part | None

    async def prepare(self, records: Sequence[In], alone: Callable[[int], None]) -> Sequence[Ready | Unfit]:
        """One answer a record, in order. `alone(i)` is called before record i is tried alone after a death."""

    def apply(self, transaction: Connection, ready: Sequence[Ready]) -> Outgoing:
        """Has the effects, within `transaction`, and gives the (key, value) records to send on."""


class Worker(Generic[In, Ready]):
    """Runs one stage until stopped. At least once: a batch that was not committed comes again after a restart."""

    def __init__(
        self,
        stage: Stage[In, Ready],
        stream: Stream,
        ledger: Ledger,
        *,
        decoder: Decoder | None = None,
        meter: Meter | None = None,
        fence: Callable[[Connection], None] = lambda _transaction: None,
        settled: Callable[[], None] = lambda: None,
        ends: bool = True,
        pause_seconds: float = 2.0,
        clock: Clock = now,
    ) -> None:
        """`decoder` is shared by workers whose stages read the same records, `meter` by all of the process.

        `fence` raises Retry within a transaction of the stage where this process may not go on. `settled` is called
        when the effects of a batch are durable. `ends` is False where others finish the work of the
        stage, and tell the meter when a record is done.
        """
        self.stage, self._stream, self._ledger, self._clock = stage, stream, ledger, clock
        self._decoder, self._pause_seconds, self._fence = decoder or Decoder(), pause_seconds, fence
        self._meter, self._settled, self._ends = meter or Meter(), settled, ends
        self._meter.stage(stage.name)
        self.held = Held(ledger, stage.name, stage.reads, stage.batch, clock)
        self._said: float | None = None  # when it was last said that it waits
        self.done = self.rejected = 0
        self.cpu_seconds = 0.0  # of this process, in having effects; children count theirs

    def start(self) -> None:
        """Marks the stage as being worked on; finds out whether the last worker died at it."""
        if self._stream.in_ledger:
            self.held.taken([0], whole=True)
        self._stream.rewind(self.stage.name, self.stage.reads)

    def stop(self) -> None:
        """Marks a clean end."""
        if self._stream.in_ledger:
            self.held.given_up([0], whole=True)
        else:
            self._stream.leave(self.stage.name, self.stage.reads)
        spent = self.cpu_seconds + getattr(self.stage, "cpu_seconds", 0.0)
        log.info("stage ended", extra={"stage": self.stage.name, "records": self.done, "seconds": round(spent, 3)})

    def let_go(self) -> None:
        """Lets other processes read what this one reads, however it ended; a worker that only waits keeps it."""
        if not self._stream.in_ledger:
            self._stream.leave(self.stage.name, self.stage.reads)

    async def step(self) -> int:
        """Works on the next batch; gives the number of records that are behind it, 0 where there was nothing to do.

        Raises: Abort if the stage cannot go on; Retry if the ledger is away.
        """
        limit = 1 if self.held.careful else self.stage.batch
        received = await asyncio.to_thread(self._stream.read, self.stage.name, self.stage.reads, limit)
        if not received:
            self.held.looked_at(None)
            return 0
        if self.held.looked_at(received[0]) and not self._count_attempt(received[0]):
            await asyncio.to_thread(self._set_aside, received[0], f"died {DEATHS} times while working on it alone", "")
            return 1
        try:
            await self._work_on(received)
        except Retry as verdict:
            await asyncio.to_thread(self._again, received)
            self._meter.retried(self.stage.name, len(received))
            self._say_that_it_waits(verdict)
            await asyncio.sleep(verdict.after_seconds or self._pause_seconds)
            return 0
        return len(received)

    def _say_that_it_waits(self, verdict: Retry) -> None:
        at = time.monotonic()
        if self._said is None or at - self._said >= SAID_SECONDS:
            log.warning("stage waits", extra={"stage": self.stage.name, "reason": str(verdict)})
            self._said = at

    def _again(self, received: Sequence[Received]) -> None:
        """Has the batch come again. Nothing died."""
        self._stream.rewind(self.stage.name, self.stage.reads)
        if self._has_attempts(received):
            with self._ledger.begin("rows") as transaction:
                self._forget_attempts(transaction, received)

    async def _work_on(self, received: Sequence[Received]) -> None:
        """The batch as one, or record by record where that fails: one bad record must not stop the others."""
        try:
            await self._work(received)
        except (Retry, Abort):
            raise
        except Exception:  # noqa: BLE001 - the worker loop
            await self._one_by_one(received)

    async def _work(self, received: Sequence[Received]) -> None:
        began = time.monotonic()
        readable, unfit = self._decode(received)
        records = [record for _, record in readable]
        answers = await self.stage.prepare(records, lambda i: self._attempt_alone(readable[i][0])) if records else []
        ready = [answer for answer in answers if not isinstance(answer, Unfit)]
        unfit += [
            (raw, answer) for (raw, _), answer in zip(readable, answers, strict=True) if isinstance(answer, Unfit)
        ]
        await asyncio.to_thread(self._finish, received, ready, unfit)
        seconds = time.monotonic() - began
        self._meter.batch(self.stage.name, done=len(ready), rejected=len(unfit), seconds=seconds)

    def _finish(
        self, received: Sequence[Received], ready: Sequence[Ready], unfit: Sequence[tuple[Received, Unfit]]
    ) -> None:
        began = time.thread_time()
        if self._stream.in_ledger:
            self._finish_together(received, ready, unfit)
        else:
            self._finish_apart(received, ready, unfit)
        bad = {(raw.partition, raw.position) for raw, _ in unfit}
        fine = (raw.value for raw in received if (raw.partition, raw.position) not in bad)
        self._settled()
        if self._ends:
            self._meter.passed(self.stage.name, fine, self._clock())
        self.done += len(ready)
        self.rejected += len(unfit)
        self.cpu_seconds += time.thread_time() - began

    def _finish_together(
        self, received: Sequence[Received], ready: Sequence[Ready], unfit: Sequence[tuple[Received, Unfit]]
    ) -> None:
        """Effects, what goes on, and how far the stage has read stand or fall together."""
        with self._ledger.begin(self.stage.part or "rows") as transaction:
            out = self._effects(transaction, ready)
            if out:
                self._stream.send(self.stage.writes, out)
            self._settle(transaction, received, unfit)
            self._stream.commit(self.stage.name, self.stage.reads, received)

    def _finish_apart(
        self, received: Sequence[Received], ready: Sequence[Ready], unfit: Sequence[tuple[Received, Unfit]]
    ) -> None:
        """The stream stands elsewhere: what goes on waits in the ledger for the relay; the commit comes last."""
        if self.stage.part is None:
            if self.stage.writes and ready:
                self._stream.send(self.stage.writes, self._effects(None, ready))
            if unfit or self._has_attempts(received) or self._has_retried():
                with self._ledger.begin("rows") as transaction:
                    self._settle(transaction, received, unfit)
        else:
            with self._ledger.begin(self.stage.part) as transaction:
                self._fence(transaction)
                out = self._effects(transaction, ready)
                if out:
                    self._ledger.publish(transaction, self.stage.writes, out)
                self._settle(transaction, received, unfit)
        self._stream.commit(self.stage.name, self.stage.reads, received)
        self.held.moved()

    def _effects(self, transaction: Connection | None, ready: Sequence[Ready]) -> Outgoing:
        if not ready:
            return ()
        if self.stage.part is None or transaction is None:
            return cast(Outgoing, ready) if self.stage.writes else ()
        return self.stage.apply(transaction, ready)

    def _settle(
        self, transaction: Connection, received: Sequence[Received], unfit: Sequence[tuple[Received, Unfit]]
    ) -> None:
        """Keeps what is unfit for people, and closes what was retried by them and went well."""
        for raw, why in unfit:
            self._reject(transaction, raw, why)
        bad = {(raw.partition, raw.position) for raw, _ in unfit}
        fine = [(raw.key, raw.value) for raw in received if (raw.partition, raw.position) not in bad]
        resolve_stream(transaction, stage=self.stage.name, records=fine)
        self._forget_attempts(transaction, received)

    def _has_retried(self) -> bool:
        with self._ledger.read() as connection:
            return has_retried(connection, self.stage.name)

    def _has_attempts(self, received: Sequence[Received]) -> bool:
        rows = tables.attempts.c
        names = [_named(raw) for raw in received]
        query = select(rows.record).where(rows.stage == self.stage.name, rows.record.in_(names)).limit(1)
        with self._ledger.read() as connection:
            return connection.execute(query).first() is not None

    async def _one_by_one(self, received: Sequence[Received]) -> None:
        for raw in received:
            try:
                await self._work([raw])
            except (Retry, Abort):
                raise
            except Reject as verdict:
                await asyncio.to_thread(self._set_aside, raw, str(verdict), "")
            except Exception as error:  # noqa: BLE001 - as above
                why = f"{type(error).__name__}: {error}"[:300]
                await asyncio.to_thread(self._set_aside, raw, why, traceback.format_exc())

    def _decode(self, received: Sequence[Received]) -> tuple[list[tuple[Received, In]], list[tuple[Received, Unfit]]]:
        readable: list[tuple[Received, In]] = []
        unfit: list[tuple[Received, Unfit]] = []
        as_it_is = self.stage.kind is bytes
        for raw in received:
            if raw.fault:
                unfit.append((raw, Unfit(raw.fault)))
                continue
            try:
                record = cast(In, raw.value) if as_it_is else self._decoder.decode(raw, self.stage.kind)
                readable.append((raw, record))
            except ValueError as error:
                unfit.append((raw, Unfit(str(error))))
        return readable, unfit

    def _set_aside(self, raw: Received, reason: str, detail: str) -> None:
        with self._ledger.begin("rows") as transaction:
            self._reject(transaction, raw, Unfit(reason, detail))
            self._forget_attempts(transaction, [raw])
            if self._stream.in_ledger:
                self._stream.commit(self.stage.name, self.stage.reads, [raw])
        if not self._stream.in_ledger:
            self._stream.commit(self.stage.name, self.stage.reads, [raw])
        self.rejected += 1
        self._meter.rejected(self.stage.name)

    def _reject(self, transaction: Connection, raw: Received, why: Unfit) -> None:
        log.warning("record rejected", extra={"stage": self.stage.name, "position": raw.position})
        reject(
            transaction,
            stage=self.stage.name,
            record=raw.key,
            url=wire.address(raw.value),
            reason=why.reason,
            detail=why.detail,
            kind=f"application/json; topic={self.stage.reads}",
            data=raw.value,
            at_ms=to_ms(self._clock()),
        )

    def _attempt_alone(self, raw: Received) -> None:
        if not self._count_attempt(raw):
            raise Reject(f"killed its process {DEATHS} times when tried alone")

    def _count_attempt(self, raw: Received) -> bool:
        """Counts an attempt durably; False where the record has used up its attempts."""
        row = {"stage": self.stage.name, "record": _named(raw), "count": 1}
        with self._ledger.begin("rows") as transaction:
            used = transaction.execute(
                select(func.coalesce(func.max(tables.attempts.c.count), 0)).where(
                    tables.attempts.c.stage == self.stage.name, tables.attempts.c.record == _named(raw)
                )
            ).scalar_one()
            if used >= DEATHS:
                return False
            transaction.execute(
                upsert(transaction, tables.attempts)
                .values(row)
                .on_conflict_do_update(index_elements=["stage", "record"], set_={"count": tables.attempts.c.count + 1})
            )
        return True

    def _forget_attempts(self, transaction: Connection, received: Sequence[Received]) -> None:
        rows = tables.attempts.c
        transaction.execute(
            delete(tables.attempts).where(
                rows.stage == self.stage.name, rows.record.in_([_named(raw) for raw in received])
            )
        )


def _named(raw: Received) -> str:
    """The record's name among those of its stage that are tried alone."""
    return f"{raw.partition}-{raw.position}" if raw.partition else str(raw.position)
