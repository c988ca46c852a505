"""Records of 2 kB -> records/s over Kafka: our stream and bare kafka-python with the same settings, side by side.

The two take turns, round by round, on topics of their own at one broker; the table gives the median of the rounds.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import OffsetAndMetadata
from servers import server
from stream_kit import own_topics

from flows.stream.kafka import KafkaStream
from flows.stream.kafka_connect import connection
from flows.stream.settings import StreamSettings

RECORDS, ROUNDS = 6_000, 5
SENT, READ = 32, 64  # a batch: what enrich sends, what index reads
TARGET = 0.8


def records() -> list[tuple[str, bytes]]:
    """Texts of 2 kB that gzip takes to about a third, as it does news."""
    words = [f"{random.Random(number).getrandbits(40):x}" for number in range(2_000)]
    choose = random.Random(1)
    return [(f"key-{number}", " ".join(choose.choices(words, k=190)).encode()[:2000]) for number in range(RECORDS)]


class Ours:
    """The stream as the worker uses it."""

    def __init__(self, settings: StreamSettings) -> None:
        self._stream = KafkaStream(settings)
        self._stream.read("warm", "told", 1)

    def send(self, given: list[tuple[str, bytes]]) -> None:
        for begin in range(0, len(given), SENT):
            self._stream.send("told", given[begin : begin + SENT])

    def read(self, count: int) -> None:
        while count > 0:
            received = self._stream.read("index", "told", READ)
            self._stream.commit("index", "told", received)
            count -= len(received)

    def close(self) -> None:
        self._stream.close()


class Bare:
    """kafka-python alone: the same durability, nothing kept alive, nothing translated."""

    def __init__(self, settings: StreamSettings) -> None:
        self._topic = settings.prefix + "enriched"
        given = connection(settings)
        self._producer = KafkaProducer(
            **given,
            acks="all",
            enable_idempotence=True,
            compression_type="gzip",
            batch_size=256 * 1024,
            linger_ms=20,
            metrics_enabled=False,
        )
        self._consumer = KafkaConsumer(
            self._topic,
            **given,
            group_id=settings.prefix + "bare",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[CooperativeStickyAssignor],
            fetch_max_wait_ms=250,
            metrics_enabled=False,
        )

    def send(self, given: list[tuple[str, bytes]]) -> None:
        for begin in range(0, len(given), SENT):
            futures = [
                self._producer.send(self._topic, value, key.encode()) for key, value in given[begin : begin + SENT]
            ]
            self._producer.flush()
            for future in futures:
                future.get(timeout=30)

    def read(self, count: int) -> None:
        while count > 0:
            found: dict[TopicPartition, list[object]] = self._consumer.poll(timeout_ms=100, max_records=READ)
            if found:
                self._consumer.commit(
                    {where: OffsetAndMetadata(some[-1].offset + 1, "", -1) for where, some in found.items()}
                )
            count -= sum(map(len, found.values()))

    def close(self) -> None:
        self._consumer.close(autocommit=False)
        self._producer.close()


def rate(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return RECORDS / (time.perf_counter() - began)


def measured(settings: StreamSettings) -> dict[str, tuple[float, float]]:
    """What is measured -> the median rate of ours and of bare kafka-python."""
    given, ours, bare = records(), Ours(settings), Bare(settings)
    rates: dict[str, tuple[list[float], list[float]]] = {"send": ([], []), "read and commit": ([], [])}
    try:
        for number in range(ROUNDS + 1):
            for one, which in ((ours, 0), (bare, 1)) if number % 2 else ((bare, 1), (ours, 0)):
                sent, read = rate(lambda one=one: one.send(given)), rate(lambda one=one: one.read(RECORDS))
                if number:  # the first warms both, and lets their groups form
                    rates["send"][which].append(sent)
                    rates["read and commit"][which].append(read)
    finally:
        ours.close()
        bare.close()
    return {name: (statistics.median(first), statistics.median(second)) for name, (first, second) in rates.items()}


def main() -> int:
    """Prints the table; 1 where ours is below the target."""
    with own_topics(server("kafka").url, ("told", "enriched"), partitions=6) as settings:
        found = measured(settings)
    print(f"{RECORDS} records of 2 kB, median of {ROUNDS} rounds, one process, one broker")
    print(f"{'records/s':20}{'ours':>10}{'bare':>10}{'ratio':>8}   target {TARGET}")
    for name, (ours, bare) in found.items():
        print(f"{name:20}{ours:10.0f}{bare:10.0f}{ours / bare:8.2f}")
    return int(any(ours / bare < TARGET for ours, bare in found.values()))


if __name__ == "__main__":
    sys.exit(main())
