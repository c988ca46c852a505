"""Several processes over one group: what they share, and what happens when one of them dies or hangs."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from servers import server
from stream_kit import eventually, own_topics, read

from ingest.verdict import Abort, Retry

pytestmark = pytest.mark.servers


@pytest.fixture
def settings():
    with own_topics(server("kafka").url, ("told",)) as settings:
        yield settings


@pytest.fixture
def opened(settings):
    from flows.stream.kafka import KafkaStream

    with ExitStack() as stack:

        def make(**more):
            stream = KafkaStream(settings, **more)
            stack.callback(stream.close)
            return stream

        yield make


class Book:
    """Notes which partitions are held, and whether a record came before its partition was noted."""

    def __init__(self):
        self.said, self.held, self.away = [], set(), False

    def taken(self, group, topic, partitions):
        if self.away:
            raise Retry("the ledger is away")
        self.said.append(("taken", group, topic, tuple(partitions)))
        self.held |= set(partitions)

    def given_up(self, group, topic, partitions):
        self.said.append(("given up", group, topic, tuple(partitions)))
        self.held -= set(partitions)


def send(stream, numbers):
    stream.send("told", [(f"key-{number % 20}", str(number).encode()) for number in numbers])


def numbers(records):
    return sorted(int(record.value) for record in records)


def step(stream, found, limit=10):
    """One turn of a worker that has its effect and commits."""
    received = stream.read("index", "told", limit)
    stream.commit("index", "told", received)
    found += received
    return received


def until_shared(streams, books, found):
    def shared():
        for stream, records in zip(streams, found, strict=True):
            step(stream, records)
        held = [book.held for book in books]
        return all(held) and set.union(*held) == {0, 1, 2} and sum(map(len, held)) == 3

    eventually(shared)


def test_the_members_of_a_group_share_its_partitions(opened):
    streams, books, found = [opened(), opened()], [Book(), Book()], [[], []]
    for stream, book in zip(streams, books, strict=True):
        stream.holdings = book
    send(streams[0], range(100))
    until_shared(streams, books, found)
    send(streams[0], range(100, 300))
    eventually(lambda: [step(stream, some) for stream, some in zip(streams, found, strict=True)] and all_came(found))
    assert all(records for records in found)
    assert streams[0].lag("index", "told") == 0


def all_came(found):
    return set(numbers(found[0] + found[1])) == set(range(300))


def test_a_member_that_leaves_gives_up_its_partitions_and_the_other_goes_on(opened):
    streams, books, found = [opened(), opened()], [Book(), Book()], [[], []]
    for stream, book in zip(streams, books, strict=True):
        stream.holdings = book
    until_shared(streams, books, found)
    streams[0].close()
    assert books[0].held == set()
    assert books[0].said[-1][0] == "given up"
    send(streams[1], range(60))
    eventually(lambda: step(streams[1], found[1]) is None or set(numbers(found[1])) == set(range(60)))
    assert books[1].held == {0, 1, 2}


def test_no_record_is_given_before_its_partition_is_noted(opened):
    stream, book = opened(), Book()
    stream.holdings, book.away = book, True
    send(stream, range(30))

    def refused():
        try:
            assert stream.read("index", "told", 10) == []
        except Retry:
            return True
        return False

    eventually(refused)
    for _ in range(3):
        with pytest.raises(Retry):
            stream.read("index", "told", 10)
    book.away = False
    assert numbers(read(stream, "index", "told", 30)) == list(range(30))
    assert book.said == [("taken", "index", "told", (0, 1, 2))]


def test_a_rebalance_in_the_middle_of_a_batch_loses_nothing(opened):
    first, second, found, others = opened(), opened(), [], []
    send(first, range(200))
    batch = read(first, "index", "told", 90)  # not committed while another member comes
    eventually(lambda: step(second, others) or others)
    first.commit("index", "told", batch)
    found += batch
    eventually(lambda: [step(first, found), step(second, others)] and set(numbers(found + others)) == set(range(200)))
    eventually(lambda: [step(first, found), step(second, others)] and first.lag("index", "told") == 0)


def test_a_commit_of_what_another_member_reads_now_is_dropped(opened, settings):
    first, second = opened(), opened()
    send(first, range(200))
    batch = read(first, "index", "told", 200)
    moved = []
    eventually(lambda: step(second, moved) or moved)
    gone = {record.partition for record in moved}
    eventually(lambda: not step(second, moved) and second.lag("index", "told") < 200)
    before = {where.partition: begin for where, (begin, _) in second.unread("index", "told").items()}
    first.commit("index", "told", [record for record in batch if record.partition in gone][:1])
    after = {where.partition: begin for where, (begin, _) in second.unread("index", "told").items()}
    assert after == before


READS = """
import sys, time
from flows.stream.kafka import KafkaStream
from flows.stream.settings import StreamSettings
stream = KafkaStream(StreamSettings(url=sys.argv[1], prefix=sys.argv[2]))
while True:
    received = stream.read("index", "told", 5)
    if received:
        print(*[record.value.decode() for record in received], flush=True)
        time.sleep(0.05)
        stream.commit("index", "told", received)
"""


def reader(settings):
    return subprocess.Popen(
        [sys.executable, "-c", READS, settings.url, settings.prefix],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_member_that_is_killed_loses_nothing_and_its_partitions_move_on(opened, settings):
    stream, found = opened(), []
    send(stream, range(400))
    with reader(settings) as process:
        had = {int(word) for _ in range(12) for word in process.stdout.readline().split()}
        process.send_signal(signal.SIGKILL)
        had |= {int(word) for word in process.stdout.read().split()}
    assert 0 < len(had) < 400
    eventually(lambda: step(stream, found) is None or had | set(numbers(found)) == set(range(400)), seconds=40)
    assert stream.lag("index", "told") == 0


def test_a_pause_longer_than_the_longest_between_polls_keeps_the_membership(opened, caplog):
    stream, book = opened(max_poll_seconds=3.0), Book()
    stream.holdings = book
    send(stream, range(50))
    batch = read(stream, "index", "told", 20)
    time.sleep(7)  # an index that is away; the keeper polls
    stream.commit("index", "told", batch)
    assert stream.lag("index", "told") == 30
    assert numbers(batch + read(stream, "index", "told", 30)) == list(range(50))
    assert [said for said, *_ in book.said] == ["taken"]


def test_what_came_while_nobody_read_is_told(opened):
    stream, heard = opened(), threading.Event()
    assert stream.read("index", "told", 10) == []
    eventually(lambda: not stream.read("index", "told", 10))
    stream.heard = lambda topics: topics == {"told"} and heard.set()
    eventually(lambda: not stream.read("index", "told", 10))
    send(stream, range(1))
    assert heard.wait(20)
    assert numbers(read(stream, "index", "told", 1)) == [0]


def test_a_missing_topic_stops_with_what_to_do(opened, settings):
    stream = opened()
    for act in (
        lambda: stream.wait(["told", "nowhere"]),
        lambda: stream.read("index", "nowhere", 1),
        lambda: stream.send("nowhere", [("k", b"1")]),
        lambda: stream.lag("index", "nowhere"),
    ):
        with pytest.raises(Abort, match=r"no topic .*nowhere.*tocsin stream apply"):
            act()
