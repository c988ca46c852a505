"""One stage over one topic: records in, durable effects and records out, no record lost and none in another's way."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from flows.decoding import Decoder
from flows.metrics import Meter
from flows.stream import Received, Stream
from ingest import wire
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import stream as tables
from ingest.rejected import reject, resolve_stream
from ingest.verdict import Abort, Reject, Retry

log = logging.getLogger(f"tocsin.{__name__}")

In = TypeVar("In")
Ready = TypeVar("Ready")
DEATHS = 3  # of a record that was tried alone


@dataclass(frozen=True, slots=True)
class Unfit:
    """A record that could not be prepared, and why."""

    reason: str
    detail: str = ""


class Stage(Protocol[In, Ready]):
    """A stage of the route. `prepare` may take long and has no effects; `apply` is one ledger transaction."""

    name: str
    reads: str
    writes: str  # topic, empty where nothing goes on
    kind: type[In]  # of the records; `bytes`: as they are
    batch: int

    async def prepare(self, records: Sequence[In], alone: Callable[[int], None]) -> Sequence[Ready | Unfit]:
        """One answer a record, in order. `alone(i)` is called before record i is tried alone after a death."""

    def apply(self, transaction: Connection, ready: Sequence[Ready]) -> Sequence[tuple[str, bytes]]:
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
        pause_seconds: float = 2.0,
        clock: Clock = now,
    ) -> None:
        """`decoder` is shared by workers whose stages read the same records, `meter` by all of the process."""
        self.stage, self._stream, self._ledger, self._clock = stage, stream, ledger, clock
        self._decoder, self._pause_seconds = decoder or Decoder(), pause_seconds
        self._meter = meter or Meter()
        self._meter.stage(stage.name)
        self._careful = 0  # records still to be tried one by one, as the last owner died here
        self.done = self.rejected = 0
        self.cpu_seconds = 0.0  # of this process, in having effects; children count theirs

    def start(self) -> None:
        """Marks the stage as being worked on; finds out whether the last worker died at it."""
        name, topic = self.stage.name, self.stage.reads
        row = {"name": name, "topic": topic, "position": 0, "working": 1, "at": to_ms(self._clock())}
        rows = tables.groups.c
        with self._ledger.begin() as transaction:
            died = transaction.execute(select(rows.working).where(rows.name == name, rows.topic == topic)).scalar()
            transaction.execute(
                insert(tables.groups)
                .values(row)
                .on_conflict_do_update(index_elements=["name", "topic"], set_={"working": 1})
            )
        self._careful = self.stage.batch if died else 0
        self._stream.rewind(name, topic)

    def stop(self) -> None:
        """Marks a clean end."""
        rows = tables.groups.c
        with self._ledger.begin() as transaction:
            transaction.execute(
                update(tables.groups)
                .where(rows.name == self.stage.name, rows.topic == self.stage.reads)
                .values(working=0)
            )
        spent = self.cpu_seconds + getattr(self.stage, "cpu_seconds", 0.0)
        log.info("stage ended", extra={"stage": self.stage.name, "records": self.done, "seconds": round(spent, 3)})

    async def step(self) -> int:
        """Works on the next batch; gives the number of records that are behind it, 0 where there was nothing to do.

        Raises: Abort if the stage cannot go on.
        """
        limit = 1 if self._careful else self.stage.batch
        received = await asyncio.to_thread(self._stream.read, self.stage.name, self.stage.reads, limit)
        if not received:
            self._careful = 0
            return 0
        if self._careful:
            self._careful -= 1
            if not self._count_attempt(received[0]):
                self._set_aside(received[0], f"died {DEATHS} times while working on it alone", "")
                return 1
        try:
            await self._work(received)
        except Retry as verdict:
            self._stream.rewind(self.stage.name, self.stage.reads)
            with self._ledger.begin() as transaction:
                self._forget_attempts(transaction, received)  # nothing died
            self._meter.retried(self.stage.name, len(received))
            log.warning("stage waits", extra={"stage": self.stage.name, "reason": str(verdict)})
            await asyncio.sleep(verdict.after_seconds or self._pause_seconds)
            return 0
        except Abort:
            raise
        except Exception:  # noqa: BLE001 - the worker loop: one bad record must not stop the others
            await self._one_by_one(received)
        return len(received)

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
        with self._ledger.begin() as transaction:
            out = self.stage.apply(transaction, ready) if ready else ()
            if out:
                self._stream.send(self.stage.writes, out)
            for raw, why in unfit:
                self._reject(transaction, raw, why)
            bad = {raw.position for raw, _ in unfit}
            fine = [(raw.key, raw.value) for raw in received if raw.position not in bad]
            resolve_stream(transaction, stage=self.stage.name, records=fine)
            self._forget_attempts(transaction, received)
            self._stream.commit(self.stage.name, self.stage.reads, received[-1].position)
        self._meter.passed(self.stage.name, (value for _, value in fine), self._clock())
        self.done += len(ready)
        self.rejected += len(unfit)
        self.cpu_seconds += time.thread_time() - began

    async def _one_by_one(self, received: Sequence[Received]) -> None:
        for raw in received:
            try:
                await self._work([raw])
            except (Retry, Abort):
                self._stream.rewind(self.stage.name, self.stage.reads)
                raise
            except Reject as verdict:
                self._set_aside(raw, str(verdict), "")
            except Exception as error:  # noqa: BLE001 - as above
                self._set_aside(raw, f"{type(error).__name__}: {error}"[:300], traceback.format_exc())

    def _decode(self, received: Sequence[Received]) -> tuple[list[tuple[Received, In]], list[tuple[Received, Unfit]]]:
        readable: list[tuple[Received, In]] = []
        unfit: list[tuple[Received, Unfit]] = []
        as_it_is = self.stage.kind is bytes
        for raw in received:
            try:
                record = cast(In, raw.value) if as_it_is else self._decoder.decode(raw, self.stage.kind)
                readable.append((raw, record))
            except ValueError as error:
                unfit.append((raw, Unfit(str(error))))
        return readable, unfit

    def _set_aside(self, raw: Received, reason: str, detail: str) -> None:
        with self._ledger.begin() as transaction:
            self._reject(transaction, raw, Unfit(reason, detail))
            self._forget_attempts(transaction, [raw])
            self._stream.commit(self.stage.name, self.stage.reads, raw.position)
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
        row = {"stage": self.stage.name, "record": str(raw.position), "count": 1}
        statement = insert(tables.attempts).values(row)
        with self._ledger.begin() as transaction:
            used = transaction.execute(
                select(func.coalesce(func.max(tables.attempts.c.count), 0)).where(
                    tables.attempts.c.stage == self.stage.name, tables.attempts.c.record == str(raw.position)
                )
            ).scalar_one()
            if used >= DEATHS:
                return False
            transaction.execute(
                statement.on_conflict_do_update(
                    index_elements=["stage", "record"], set_={"count": tables.attempts.c.count + 1}
                )
            )
        return True

    def _forget_attempts(self, transaction: Connection, received: Sequence[Received]) -> None:
        rows = tables.attempts.c
        transaction.execute(
            delete(tables.attempts).where(
                rows.stage == self.stage.name, rows.record.in_([str(raw.position) for raw in received])
            )
        )
