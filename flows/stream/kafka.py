"""The stream on Kafka: one topic a topic, one consumer group a stage, and what is on its way in the ledger's outbox."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from flows.stream import outbox
from flows.stream.envelope import reference_in, sealed
from flows.stream.kafka_client import made
from flows.stream.kafka_connect import BEGIN, END, Brokers, connection
from flows.stream.kafka_reader import Membership, Reader
from flows.stream.kafka_sender import HEADER, Outgoing, Sender, TooLarge
from flows.stream.kafka_trouble import told
from flows.stream.port import Holdings, Received
from flows.stream.settings import StreamSettings
from ingest import wire
from ingest.archive import Archive
from ingest.ledger import Ledger
from ingest.verdict import Abort, Retry

LOOK_MS = 5_000  # for records that must be there
LOOKED_AT = 500  # records a look
ASKING = {  # of a consumer that joins no group
    "auto_offset_reset": "earliest",
    "enable_auto_commit": False,
    "metrics_enabled": False,
    "fetch_max_wait_ms": 100,
}


class KafkaStream:
    """Many processes send and read. A record that was not committed comes again, here or in another process.

    `ledger` is where records wait for the relay, `archive` where those stand that are too large for the brokers; the
    archive's folder must be the same for all processes.
    """

    in_ledger = False

    def __init__(
        self,
        settings: StreamSettings,
        *,
        ledger: Ledger | None = None,
        archive: Archive | None = None,
        max_poll_seconds: float = 300.0,
    ) -> None:
        """Connects when it is used. `max_poll_seconds`: a process that hangs for longer loses its partitions."""
        self.settings, self._ledger, self._archive = settings, ledger, archive
        self.holdings: Holdings | None = None
        self.heard: Callable[[frozenset[str]], None] | None = None
        self.brokers = Brokers(settings)
        self._max_poll_seconds = max_poll_seconds
        self._connection = connection(settings)
        self._sender = Sender(self._connection, settings.url)
        self._readers: dict[tuple[str, str], Reader] = {}
        self._known: set[str] = set()  # topics that the brokers had
        self._lock = threading.Lock()

    def wait(self, topics: Iterable[str]) -> None:
        """Waits until the brokers answer, and looks whether they have the topics.

        Raises: Abort if they stay away, refuse this user, or a topic is missing.
        """
        self.brokers.wait()
        wanted = [self.topic(topic) for topic in topics]
        missing = sorted(set(wanted) - set(self.brokers.partitions(wanted)))
        if missing:
            raise self._missing(", ".join(missing))

    def send(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        if topic not in self._known:
            self.parts(topic)
        rest = [self._outgoing(key, value) for key, value in records]
        while rest:
            try:
                self._sender.send(self.topic(topic), rest)
            except TooLarge as found:
                rest = rest[found.index :]
                rest[0] = self._stored(rest[0])
            except Retry:
                self._known.discard(topic)  # it may have been deleted, which the client cannot tell from an outage
                raise
            else:
                return

    def read(self, group: str, topic: str, limit: int) -> list[Received]:
        return [self._received(topic, record) for record in self._reader(group, topic).read(limit)]

    def commit(self, group: str, topic: str, received: Sequence[Received]) -> None:
        reader = self._readers.get((group, topic))
        if reader is not None:
            reader.commit(received)

    def rewind(self, group: str, topic: str) -> None:
        reader = self._readers.get((group, topic))
        if reader is not None:
            reader.rewind()

    def leave(self, group: str, topic: str) -> None:
        with self._lock:
            reader = self._readers.pop((group, topic), None)
        if reader is not None:
            reader.close()

    def lag(self, group: str, topic: str) -> int:
        # The outbox first: a record that moves meanwhile is counted twice rather than never.
        on_the_way = outbox.unsent(self._ledger).get(topic, 0) if self._ledger else 0
        return on_the_way + sum(max(0, end - begin) for begin, end in self.unread(group, topic).values())

    def waiting(self, group: str, topic: str) -> Iterator[Received]:
        if self._ledger is not None:
            yield from outbox.unsent_records(self._ledger, topic)
        yield from self.between(topic, self.unread(group, topic))

    def close(self) -> None:
        with self._lock:
            readers, self._readers = list(self._readers.values()), {}
        leaving = [threading.Thread(target=reader.close) for reader in readers]
        for thread in leaving:  # together, for where the brokers are away each takes seconds
            thread.start()
        for thread in leaving:
            thread.join()
        self._sender.close()
        self.brokers.close()

    # for those who ask and do not join

    def topic(self, topic: str) -> str:
        """The topic as the brokers know it."""
        return self.settings.prefix + topic

    group = topic

    def parts(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic.

        Raises: Abort if the brokers do not have it.
        """
        name = self.topic(topic)
        found = self.brokers.partitions([name])
        if name not in found:
            raise self._missing(name)
        self._known.add(topic)
        return [TopicPartition(name, part) for part in found[name]]

    def unread(self, group: str, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        """From which offset on, and before which, `group` has not committed, by partition."""
        parts = self.parts(topic)
        kept = self.brokers.committed(self.group(group))
        begins, ends = self.brokers.offsets(parts, BEGIN), self.brokers.offsets(parts, END)
        return {where: (max(kept.get(where, 0), begins[where]), ends[where]) for where in parts}

    def between(self, topic: str, spans: dict[TopicPartition, tuple[int, int]]) -> Iterator[Received]:
        """The records from the first offset on and before the second, by partition, without joining a group."""
        spans = {where: span for where, span in spans.items() if span[0] < span[1]}
        if not spans:
            return
        with told(self.settings.url):
            consumer = made(KafkaConsumer, self._connection | ASKING)
        try:
            for where, (begin, end) in spans.items():
                with told(self.settings.url):
                    consumer.assign([where])
                    consumer.seek(where, begin)
                yield from self._up_to(consumer, topic, end)
        finally:
            consumer.close(autocommit=False)

    def _up_to(self, consumer: Any, topic: str, end: int) -> Iterator[Received]:
        while True:
            with told(self.settings.url):
                found = [
                    record
                    for records in consumer.poll(timeout_ms=LOOK_MS, max_records=LOOKED_AT).values()
                    for record in records
                ]
            if not found:
                raise Retry(f"the brokers at {self.settings.url} do not give records that they have: are all running?")
            yield from (self._received(topic, record) for record in found if record.offset < end)
            if found[-1].offset >= end - 1:
                return

    def _reader(self, group: str, topic: str) -> Reader:
        with self._lock:
            reader = self._readers.get((group, topic))
            if reader is None:
                self.parts(topic)
                reader = Reader(self._connection, self._membership(group, topic))
                self._readers[group, topic] = reader
            return reader

    def _membership(self, group: str, topic: str) -> Membership:
        def taken(parts: list[int]) -> None:
            if self.holdings is not None:
                self.holdings.taken(group, topic, parts)

        def given_up(parts: list[int]) -> None:
            if self.holdings is not None:
                self.holdings.given_up(group, topic, parts)

        def heard() -> None:
            if self.heard is not None:
                self.heard(frozenset((topic,)))

        return Membership(
            group=self.group(group),
            topic=self.topic(topic),
            url=self.settings.url,
            taken=taken,
            given_up=given_up,
            heard=heard,
            max_poll_seconds=self._max_poll_seconds,
        )

    def _outgoing(self, key: str, value: bytes) -> Outgoing:
        name, reference = key.encode("utf-8", "surrogatepass"), reference_in(value)
        record = Outgoing(key=name, value=value, header=reference.encode())
        return record if len(name) + len(value) <= self.settings.record_bytes else self._stored(record)

    def _stored(self, record: Outgoing) -> Outgoing:
        """The record by reference.

        Raises: Abort if it is one already, or there is no archive.
        """
        if record.header or self._archive is None:
            raise Abort(
                f"the brokers at {self.settings.url} do not take a record of {len(record.value)} bytes, and "
                + ("it only says where the record stands" if record.header else "no archive is open to keep it")
                + ": raise message.max.bytes there"
            )
        reference = self._archive.keep(record.value)
        value = sealed(reference, wire.address(record.value))
        return Outgoing(key=record.key, value=value, header=reference.encode())

    def _received(self, topic: str, record: Any) -> Received:
        reference = next((value.decode("utf-8", "replace") for name, value in record.headers if name == HEADER), "")
        value, fault = record.value or b"", ""
        if reference:
            value, fault = self._resolved(reference, value)
        return Received(
            topic=topic,
            position=record.offset,
            key=(record.key or b"").decode("utf-8", "replace"),
            value=value,
            at=record.timestamp,
            partition=record.partition,
            fault=fault,
        )

    def _resolved(self, reference: str, value: bytes) -> tuple[bytes, str]:
        """The record at the reference; where it cannot be had, what stood on the stream, and why."""
        if self._archive is None:
            return value, f"it stands in the archive at {reference}, and no archive is open here"
        try:
            return self._archive.kept(reference), ""
        except FileNotFoundError:
            return value, f"it stands in the archive at {reference}, and that file is not in the archive's folder"
        except (OSError, ValueError) as error:
            return value, f"it stands in the archive at {reference}, which cannot be read: {error}"

    def _missing(self, names: str) -> Abort:
        return Abort(f"no topic {names} at {self.settings.url}: run `tocsin stream apply`, then start again")
