"""The stream on Kafka -> what an operator asks of it."""

from collections.abc import Iterator, Sequence

from kafka import TopicPartition, errors
from kafka.structs import OffsetAndMetadata

from flows.stream import outbox
from flows.stream.kafka import KafkaStream
from flows.stream.kafka_connect import BEGIN, END
from flows.stream.operating import Back, Standing, Start
from flows.stream.port import Received
from ingest.ledger import Ledger
from ingest.verdict import Abort

Spans = dict[TopicPartition, tuple[int, int]]


class KafkaOperating:
    """Asks the brokers; `ledger` is where records wait for the relay."""

    def __init__(self, stream: KafkaStream, ledger: Ledger) -> None:
        self._stream, self._ledger = stream, ledger

    def standing(self, group: str, topic: str) -> list[Standing]:
        waiting = outbox.unsent(self._ledger).get(topic, 0)
        kept = self._stream.brokers.committed(self._stream.group(group))
        found = [
            Standing(partition=where.partition, passed=kept.get(where), end=end, waiting=max(0, end - begin))
            for where, (begin, end) in sorted(self._stream.unread(group, topic).items())
        ]
        return [*found, *([Standing(partition=None, passed=None, end=None, waiting=waiting)] if waiting else [])]

    def records(self, topic: str, start: Start) -> Iterator[Received]:
        spans = self._spans(topic)
        if start.partition is not None:
            spans = {where: span for where, span in spans.items() if where.partition == start.partition}
            if not spans:
                raise Abort(f"{topic} has no partition {start.partition}; `tocsin stream lag` shows them")
        if start.position is not None:
            spans = {where: (max(begin, start.position), end) for where, (begin, end) in spans.items()}
        if start.at is not None:
            spans = self._since(spans, start.at)
        return self._stream.between(topic, spans)

    def newest(self, topic: str, count: int) -> list[Received]:
        spans = {where: (max(begin, end - count), end) for where, (begin, end) in self._spans(topic).items()}
        found = sorted(self._stream.between(topic, spans), key=lambda one: (one.at, one.partition, one.position))
        return found[-count:]

    def back_to(self, group: str, topic: str, at: int) -> list[Back]:
        kept = self._stream.brokers.committed(self._stream.group(group))
        found = []
        for where, (start, _) in sorted(self._since(self._spans(topic), at).items()):
            passed = kept.get(where, 0)
            if start < passed:
                found.append(Back(partition=where.partition, passed=passed, start=start, records=passed - start))
        return found

    def workers(self, group: str) -> int:
        """How many members `group` has now; one that was killed counts for ten seconds more."""
        name = self._stream.group(group)
        described = self._stream.brokers.ask(lambda client: client.describe_groups([name])).get(name, {})
        return len(described.get("members") or ())

    def go_back(self, group: str, topic: str, places: Sequence[Back]) -> None:
        name, brokers, count = self._stream.group(group), self._stream.brokers, self.workers(group)
        if count:
            raise Abort(
                f"{count} workers of {group} are running (a killed one counts for 10 s): "
                f"stop every `tocsin work {group}` and `tocsin run` first, then ask again"
            )
        offsets = {
            TopicPartition(self._stream.topic(topic), place.partition): OffsetAndMetadata(place.start, "", -1)
            for place in places
        }
        answers = brokers.ask(lambda client: client.alter_group_offsets(name, offsets))
        refused = sorted({answer.__name__ for answer in answers.values() if answer is not errors.NoError})
        if refused:
            raise Abort(f"the brokers refuse to move {group} ({', '.join(refused)}): is a worker of it running?")

    def _spans(self, topic: str) -> Spans:
        parts = self._stream.parts(topic)
        begins, ends = self._stream.brokers.offsets(parts, BEGIN), self._stream.brokers.offsets(parts, END)
        return {where: (begins[where], ends[where]) for where in parts}

    def _since(self, spans: Spans, at: int) -> Spans:
        """From the first record of that time on; nothing where there is none."""
        first = self._stream.brokers.offsets(spans, at)
        return {
            where: (max(begin, first[where]) if first[where] >= 0 else end, end)
            for where, (begin, end) in spans.items()
        }
