"""The outbox reaches the brokers: once the ledger has a row, no death loses it."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from servers import fresh_database, server
from stream_kit import eventually, own_topics, read, texts

from flows.stream import outbox
from flows.stream.relay import BYTES, ROWS, Relay
from ingest.clock import now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.settings import LedgerSettings
from ingest.verdict import Retry


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


class Noted:
    """A real receiver of rows that notes them, and may be away."""

    def __init__(self):
        self.sent, self.away = [], False

    def send(self, topic, records):
        if self.away:
            raise Retry("the brokers do not answer")
        self.sent += [(topic, value) for _, value in records]


def publish(ledger, topic, *values, key="k"):
    with ledger.begin() as transaction:
        ledger.publish(transaction, topic, [(key, value) for value in values])


def test_rows_go_out_once_and_in_order(ledger):
    publish(ledger, "told", b"1", b"2")
    publish(ledger, "entries", b"a")
    publish(ledger, "told", b"3")
    noted = Noted()
    relay = Relay(ledger, noted, holder="a")
    assert outbox.unsent(ledger) == {"told": 3, "entries": 1}
    assert relay.step() == 4
    assert relay.step() == 0
    assert [value for topic, value in noted.sent if topic == "told"] == [b"1", b"2", b"3"]
    assert outbox.unsent(ledger) == {}


def test_a_row_that_became_visible_late_goes_out_too(ledger):
    publish(ledger, "told", b"1", b"2", b"3")
    outbox.mark_sent(ledger, [3], now())  # a later position was visible, and sent, first
    noted = Noted()
    Relay(ledger, noted, holder="a").step()
    assert noted.sent == [("told", b"1"), ("told", b"2")]


@pytest.mark.servers
def test_on_postgresql_a_row_that_commits_after_a_later_one_goes_out_too():
    with fresh_database(server("postgresql").url) as url:
        ledger = Ledger.connect(LedgerSettings(url=url), upgraded=True)
        relay = Relay(ledger, noted := Noted(), holder="a")
        published, may_commit = threading.Event(), threading.Event()

        def slow():
            with ledger.begin("rows") as transaction:
                ledger.publish(transaction, "told", [("k", b"early")])
                published.set()
                may_commit.wait(20)

        thread = threading.Thread(target=slow)
        thread.start()
        published.wait(20)
        with ledger.begin("rows") as transaction:
            ledger.publish(transaction, "told", [("k", b"late")])
        assert relay.step() == 1
        may_commit.set()
        thread.join()
        assert relay.step() == 1
        assert noted.sent == [("told", b"late"), ("told", b"early")]
        assert outbox.unsent(ledger) == {}
        assert outbox.sweep_sent(ledger, now() + timedelta(hours=49)) == 2
        ledger.close()


def test_batches_are_bounded_by_rows_and_by_bytes(ledger):
    publish(ledger, "told", *[b"x"] * (ROWS + 1))
    assert len(outbox.next_unsent(ledger, ROWS, BYTES)) == ROWS
    publish(ledger, "big", bytes(2 * BYTES), b"small")
    relay = Relay(ledger, Noted(), holder="a")
    assert [relay.step() for _ in range(4)] == [ROWS, 1, 1, 1]


def test_one_relay_at_a_time_sends_and_another_takes_over_when_it_ends(ledger):
    noted = Noted()
    first, second = Relay(ledger, noted, holder="a"), Relay(ledger, noted, holder="b")
    publish(ledger, "told", b"1")
    assert (first.step(), second.step()) == (1, 0)
    publish(ledger, "told", b"2")
    assert (second.step(), first.step()) == (0, 1)
    publish(ledger, "told", b"3")

    async def ended():
        stop = asyncio.Event()
        stop.set()
        await first.run(stop)

    asyncio.run(ended())
    assert (second.step(), first.step()) == (1, 0)
    assert [value for _, value in noted.sent] == [b"1", b"2", b"3"]


def test_brokers_that_are_away_are_waited_for_and_nothing_is_lost(ledger, caplog):
    noted = Noted()
    noted.away = True
    relay = Relay(ledger, noted, holder="a")
    publish(ledger, "told", b"1", b"2")

    async def run():
        stop = asyncio.Event()
        task = asyncio.create_task(relay.run(stop))
        await asyncio.sleep(2.5)
        assert outbox.unsent(ledger) == {"told": 2}
        noted.away = False
        while outbox.unsent(ledger):
            await asyncio.sleep(0.05)
        await asyncio.to_thread(publish, ledger, "told", b"3")
        while outbox.unsent(ledger):
            await asyncio.sleep(0.05)
        stop.set()
        await task

    asyncio.run(run())
    assert [value for _, value in noted.sent] == [b"1", b"2", b"3"]
    assert [record.message for record in caplog.records].count("relay waits") == 1


def test_rows_are_kept_for_two_days_after_they_were_sent(ledger):
    publish(ledger, "told", b"1", b"2", b"3")
    outbox.mark_sent(ledger, [1], now() - timedelta(hours=49))
    outbox.mark_sent(ledger, [2], now() - timedelta(hours=47))
    assert outbox.sweep_sent(ledger, now()) == 1
    assert texts(outbox.unsent_records(ledger, "told")) == [b"3"]


KILLED = """
import os, signal, sys
from pathlib import Path
from flows.stream import outbox
from flows.stream.kafka import KafkaStream
from flows.stream.relay import Relay
from flows.stream.settings import StreamSettings
from ingest.ledger import Ledger
from ingest.ledger.settings import LedgerSettings

ledger = Ledger.open(Path(sys.argv[1]))
outbox.mark_sent = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Relay(ledger, KafkaStream(StreamSettings(url=sys.argv[2], prefix=sys.argv[3])), holder="dies").step()
"""


@pytest.mark.servers
def test_a_relay_that_is_killed_before_it_marks_sends_again_and_loses_nothing(tmp_path):
    from flows.stream.kafka import KafkaStream

    with own_topics(server("kafka").url) as settings:
        ledger = Ledger.open(tmp_path / "ledger.db")
        publish(ledger, "told", b"1", b"2")
        ledger.close()
        died = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path / "ledger.db"), settings.url, settings.prefix],
            check=False,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert died.returncode == -signal.SIGKILL
        ledger = Ledger.open(tmp_path / "ledger.db")
        stream = KafkaStream(settings, ledger=ledger)
        try:
            assert stream.lag("index", "told") == 4  # on their way and there: twice rather than never
            assert texts(stream.waiting("index", "told")) == [b"1", b"2", b"1", b"2"]
            relay = Relay(ledger, stream, holder="next")
            assert relay.step() == 0  # the dead one's lease runs for 15 seconds
            eventually(relay.step)
            assert texts(read(stream, "index", "told", 4)) == [b"1", b"2", b"1", b"2"]
            assert outbox.unsent(ledger) == {}
        finally:
            stream.close()
            ledger.close()


@pytest.mark.servers
def test_records_of_a_key_keep_their_order_while_many_publish(ledger):
    from flows.stream.kafka import KafkaStream

    def publish_some(key):
        for number in range(40):
            publish(ledger, "told", f"{number}".encode(), key=key)

    with own_topics(server("kafka").url) as settings:
        stream = KafkaStream(settings, ledger=ledger)
        relay = Relay(ledger, stream, holder="a")
        threads = [threading.Thread(target=publish_some, args=(f"key-{number}",)) for number in range(6)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads) or outbox.unsent(ledger):
            relay.step()
        found = read(stream, "index", "told", 240)
        for number in range(6):
            of_key = [int(record.value) for record in found if record.key == f"key-{number}"]
            assert of_key == list(range(40))
        assert all(record.at <= to_ms(now()) for record in found)
        stream.close()
