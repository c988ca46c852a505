"""One member of one group over one topic: its records as they come, kept alive while the worker is busy or waits."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition, errors
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import MemberState, OffsetAndMetadata

from flows.stream.kafka_client import made
from flows.stream.kafka_trouble import MOVED_ON, told, verdict
from flows.stream.port import Received
from ingest.verdict import Abort, Retry

log = logging.getLogger(f"tocsin.{__name__}")

SESSION_SECONDS = 10.0  # after which the partitions of a member that died move on
BEAT_SECONDS = 0.5  # between polls that only keep a busy member in its group
LOOK_MS = 250  # of one poll for records while the worker is idle
READ_MS = 100  # that `read` itself waits for records, or for the consumer
READ_AHEAD = 4  # times what the worker asks for, so that not each read is a round of resume, poll and pause
START_SECONDS = 0.005
JOIN_SECONDS, JOIN_MS = 2.0, 200  # of a join in one go, and of one poll in it
COMMIT_SECONDS = 10.0
SETTLE_SECONDS = 15.0  # for a rebalance in the middle of a commit
NOTE_SECONDS = 3.0  # for the ledger while a partition is let go: the group waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a reader joins, and whom it tells."""

    group: str  # as the brokers know it
    topic: str
    url: str
    taken: Callable[[list[int]], None]  # before the first record of these is given
    given_up: Callable[[list[int]], None]  # before these are let go cleanly
    heard: Callable[[], None]  # records came while nobody was reading
    max_poll_seconds: float = 300.0  # a member that hangs for longer loses its partitions


class _Tenure:
    """One partition while this process holds it."""

    __slots__ = ("begins", "committed", "introduced")

    def __init__(self) -> None:
        self.introduced = False  # whether `taken` was told
        self.begins: int | None = None  # offset of the first record that came
        self.committed = -1


class Reader:
    """A consumer is not safe to share, so one lock is around it; all partitions are paused but while it is asked.

    `_state` guards what the client's own thread changes when partitions come and go; nothing slow happens under it.
    """

    def __init__(self, connection: dict[str, Any], membership: Membership) -> None:
        """Raises: Retry or Abort if the brokers cannot be had."""
        self._to = membership
        self._lock, self._state = threading.Lock(), threading.Lock()
        self._held: dict[int, _Tenure] = {}
        self._came: deque[Any] = deque()  # records that the client gave and the worker did not take yet
        self._limit, self._wanting = 1, threading.Event()
        self._failure: Abort | None = None
        self._away = False  # whether it was said that the brokers are away
        self._ends = threading.Event()
        with told(membership.url):
            self._consumer = made(KafkaConsumer, connection | self._config(membership))
            try:
                self._consumer.subscribe([membership.topic], listener=_Listener(self))
                # Known before it joins, or a member that shares out the partitions first shares out none.
                self._consumer.partitions_for_topic(membership.topic)
            except BaseException:
                self._consumer.close(autocommit=False, timeout_ms=0)
                raise
        self._keeper = threading.Thread(target=self._keep, name=f"keeps {membership.group}", daemon=True)
        self._keeper.start()

    @staticmethod
    def _config(membership: Membership) -> dict[str, Any]:
        return {
            "group_id": membership.group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "session_timeout_ms": int(SESSION_SECONDS * 1000),
            "heartbeat_interval_ms": 1000,
            "max_poll_interval_ms": int(membership.max_poll_seconds * 1000),
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
            "fetch_max_wait_ms": 250,
            "metadata_max_age_ms": 60_000,
        }

    def read(self, limit: int) -> list[Any]:
        """The next records; empty where none came within a moment."""
        self._limit = limit
        self._introduce()
        found = self._take(limit)
        if not found and self._lock.acquire(timeout=READ_MS / 1000):
            try:
                if self._failure is not None:
                    raise self._failure
                with told(self._to.url):
                    self._ask(limit, READ_MS)
            finally:
                self._lock.release()
            found = self._take(limit)
        if not found:
            self._wanting.set()
        return found

    def commit(self, received: Sequence[Received]) -> None:
        """Raises: Retry if the brokers are away: nothing was committed."""
        until = time.monotonic() + SETTLE_SECONDS
        while offsets := self._to_commit(received):
            try:
                with self._lock:
                    self._consumer.commit(offsets, timeout_ms=int(COMMIT_SECONDS * 1000))
            except errors.RebalanceInProgressError:
                if time.monotonic() > until:
                    log.warning("commit dropped", extra={"group": self._to.group, "reason": "rebalance takes long"})
                    return
                self._settle()
            except MOVED_ON as error:
                log.warning("commit dropped", extra={"group": self._to.group, "reason": type(error).__name__})
                return
            except (errors.KafkaError, OSError) as error:
                raise verdict(error, self._to.url) from error
            else:
                self._note(offsets)
                return

    def rewind(self) -> None:
        """What was given and not committed is given again."""
        with self._lock:
            self._wanting.clear()
            with self._state:
                self._came.clear()
                back = {
                    part: max(held.committed, held.begins)
                    for part, held in self._held.items()
                    if held.begins is not None
                }
            for part, offset in back.items():
                self._seek(part, offset)

    def close(self) -> None:
        """Leaves the group, so that the others need not wait for the session to end."""
        self._ends.set()
        self._wanting.set()
        self._keeper.join(timeout=SESSION_SECONDS)
        with self._lock:
            try:
                self._consumer.close(autocommit=False, timeout_ms=5000)
            except (errors.KafkaError, OSError) as error:
                log.warning("not left cleanly", extra={"group": self._to.group, "reason": type(error).__name__})

    # what the client says when partitions come and go, on its own thread

    def came(self, parts: list[int]) -> None:
        with self._state:
            for part in parts:
                self._held[part] = _Tenure()
        self._consumer.pause(*(TopicPartition(self._to.topic, part) for part in parts))
        self._wanting.set()

    def goes(self, parts: list[int], *, lost: bool) -> None:
        with self._state:
            known = [part for part in parts if part in self._held and self._held[part].introduced]
            for part in parts:
                self._held.pop(part, None)
            self._came = deque(record for record in self._came if record.partition not in parts)
        if lost:
            log.warning("partitions lost", extra={"group": self._to.group, "partitions": parts})
        elif known:
            # On a thread of its own: the client's thread sends the heartbeats.
            note = threading.Thread(target=self._given_up, args=(known,), daemon=True)
            note.start()
            note.join(NOTE_SECONDS)

    def _given_up(self, parts: list[int]) -> None:
        try:
            self._to.given_up(parts)
        except Exception as error:  # noqa: BLE001 - the next holder reads with care, which loses nothing
            log.warning("not noted as given up", extra={"group": self._to.group, "reason": type(error).__name__})

    # the rest is called with the lock held, or does not touch the consumer

    def _introduce(self) -> None:
        """Tells of partitions that came, outside the lock: it may wait for the ledger."""
        with self._state:
            fresh = {part: held for part, held in self._held.items() if not held.introduced}
        if fresh:
            self._to.taken(sorted(fresh))
            for held in fresh.values():
                held.introduced = True

    def _take(self, limit: int) -> list[Any]:
        with self._state:
            found = [self._came.popleft() for _ in range(min(limit, len(self._came)))]
        if found:
            self._wanting.clear()
        return found

    def _ask(self, limit: int, wait_ms: int) -> bool:
        """Lets the client give records of introduced partitions."""
        with self._state:
            known = {part for part, held in self._held.items() if held.introduced}
        partitions = [where for where in self._consumer.assignment() if where.partition in known]
        self._consumer.resume(*partitions)
        try:
            found = self._consumer.poll(timeout_ms=wait_ms, max_records=READ_AHEAD * limit)
        finally:
            self._consumer.pause(*self._consumer.assignment())
        return self._keep_records(found)

    def _keep_records(self, found: dict[TopicPartition, list[Any]]) -> bool:
        kept = False
        for where, records in found.items():
            with self._state:
                held = self._held.get(where.partition)
                if held is not None and held.introduced:
                    if held.begins is None:
                        held.begins = records[0].offset
                    self._came.extend(records)
                    kept = True
                    continue
            self._seek(where.partition, records[0].offset)  # came between two looks: once it is introduced
        return kept

    def _seek(self, part: int, offset: int) -> None:
        try:
            self._consumer.seek(TopicPartition(self._to.topic, part), offset)
        except (ValueError, errors.KafkaError, AssertionError):
            log.debug("partition gone before it was rewound")  # its next holder begins at what was committed

    def _to_commit(self, received: Iterable[Received]) -> dict[TopicPartition, OffsetAndMetadata]:
        """Per partition the offset after its last record; none of a partition that was let go since, none backwards."""
        last: dict[int, int] = {}
        for record in received:
            last[record.partition] = max(last.get(record.partition, -1), record.position + 1)
        offsets, gone = {}, []
        with self._state:
            for part, offset in last.items():
                held = self._held.get(part)
                if held is None or held.begins is None or offset <= held.begins:
                    gone.append(part)
                elif offset > held.committed:
                    offsets[TopicPartition(self._to.topic, part)] = OffsetAndMetadata(offset, "", -1)
        if gone:
            log.info("commit dropped", extra={"group": self._to.group, "partitions": gone, "reason": "moved on"})
        return offsets

    def _note(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        with self._state:
            for where, kept in offsets.items():
                held = self._held.get(where.partition)
                if held is not None:
                    held.committed = max(held.committed, kept.offset)

    def _settle(self) -> None:
        """Lets a rebalance go on."""
        with self._lock, told(self._to.url):
            self._beat()
        time.sleep(0.1)

    def _beat(self) -> bool:
        """A poll that gives nothing, as all is paused; it keeps the membership and takes part in rebalances."""
        self._consumer.pause(*self._consumer.assignment())
        kept = self._keep_records(self._consumer.poll(timeout_ms=0, max_records=1))
        time.sleep(START_SECONDS)  # for the client's own thread to begin with what the poll asked for
        until = time.monotonic() + JOIN_SECONDS
        # The client forgets a join that ends between two polls and begins another, so here is no gap between them.
        while self._consumer.group_metadata().state != MemberState.STABLE and time.monotonic() < until:
            kept |= self._keep_records(self._consumer.poll(timeout_ms=JOIN_MS, max_records=1))
        return kept

    def _keep(self) -> None:
        """The keeper's loop: beats while the worker is busy, looks for records while it is idle."""
        while not self._ends.is_set():
            wanted = self._wanting.wait(BEAT_SECONDS)
            if self._ends.is_set():
                return
            try:
                with self._lock:
                    came = self._look() if wanted else self._beat()
            except (errors.KafkaError, OSError) as error:
                self._fail(verdict(error, self._to.url))
                self._ends.wait(1.0)
                continue
            self._away = False
            if came:
                self._to.heard()
            self._ends.wait(0.005)  # or `read` would never get the lock

    def _look(self) -> bool:
        with self._state:
            if self._came:
                self._wanting.clear()
                return False
            new = any(not held.introduced for held in self._held.values())
        if new:  # only `read` may introduce them
            self._wanting.clear()
            self._beat()
            return True
        came = self._ask(self._limit, LOOK_MS)
        if came:
            self._wanting.clear()
        return came

    def _fail(self, error: Abort | Retry) -> None:
        if isinstance(error, Abort):
            self._failure = error
        elif not self._away:
            log.warning("brokers away", extra={"group": self._to.group, "reason": str(error)})
        self._away = True


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._reader.came(sorted(where.partition for where in assigned))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._reader.goes(sorted(where.partition for where in revoked), lost=False)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._reader.goes(sorted(where.partition for where in lost), lost=True)
