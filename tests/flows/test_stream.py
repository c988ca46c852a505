"""One contract that every stream keeps."""

import secrets

import pytest
from servers import server
from stream_kit import Kind, own_topics, read, texts

from flows.stream.embedded import EmbeddedStream
from ingest.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.servers)])
def kind(request, ledger):
    opened = []

    def keep(stream):
        opened.append(stream)
        return stream

    if request.param == "embedded":
        yield Kind("embedded", lambda: keep(EmbeddedStream(ledger)))
        return
    from flows.stream.kafka import KafkaStream

    with own_topics(server("kafka").url) as settings:
        yield Kind("kafka", lambda: keep(KafkaStream(settings, ledger=ledger)))
        for stream in opened:
            stream.close()


@pytest.fixture
def stream(kind):
    return kind.opened()


def test_records_come_in_the_order_they_were_sent(stream):
    stream.send("articles", [("a", b"1"), ("b", b"2")])
    stream.send("enriched", [("a", b"other")])
    stream.send("articles", [("a", b"3")])
    found = read(stream, "enrich", "articles", 3)
    assert [record.value for record in found if record.key == "a"] == [b"1", b"3"]
    assert sorted((record.key, record.value) for record in found) == [("a", b"1"), ("a", b"3"), ("b", b"2")]
    assert stream.read("enrich", "articles", 9) == []


def test_a_record_says_when_it_was_sent_and_where_it_stands(stream):
    stream.send("told", [("s", b"1"), ("s", b"2")])
    one, two = read(stream, "index", "told", 2)
    assert (one.topic, one.key, one.partition) == ("told", "s", two.partition)
    assert one.position < two.position
    assert one.at <= two.at


def test_each_group_reads_for_itself_and_only_once(stream):
    stream.send("told", [("s", b"1"), ("s", b"2")])
    assert texts(read(stream, "index", "told", 1)) == [b"1"]
    assert texts(read(stream, "index", "told", 1)) == [b"2"]
    assert stream.read("index", "told", 9) == []
    assert texts(read(stream, "watch", "told", 2)) == [b"1", b"2"]


def test_what_was_not_committed_comes_again(kind, stream):
    stream.send("told", [("s", b"1"), ("s", b"2"), ("s", b"3")])
    first, *_ = read(stream, "index", "told", 2)
    stream.commit("index", "told", [first])
    stream.rewind("index", "told")
    assert texts(read(stream, "index", "told", 2)) == [b"2", b"3"]
    stream.close()
    assert texts(read(kind.opened(), "index", "told", 2)) == [b"2", b"3"]


def test_a_commit_never_goes_back(kind, stream):
    stream.send("told", [("s", b"1"), ("s", b"2")])
    one, two = read(stream, "index", "told", 2)
    stream.commit("index", "told", [one, two])
    stream.commit("index", "told", [one])
    stream.commit("index", "told", [])
    assert stream.lag("index", "told") == 0
    stream.close()
    again = kind.opened()
    again.send("told", [("s", b"3")])
    assert texts(read(again, "index", "told", 1)) == [b"3"]


def test_lag_counts_what_a_group_has_not_committed(stream):
    assert stream.lag("index", "told") == 0
    stream.send("told", [("s", b"1"), ("t", b"2")])
    assert stream.lag("index", "told") == 2
    stream.commit("index", "told", read(stream, "index", "told", 1))
    assert stream.lag("index", "told") == 1


def test_what_waits_can_be_looked_at_and_is_not_taken(stream):
    assert list(stream.waiting("index", "told")) == []
    stream.send("told", [("s", str(number).encode()) for number in range(250)])
    stream.send("enriched", [("s", b"other")])
    stream.commit("index", "told", read(stream, "index", "told", 1))
    assert texts(stream.waiting("index", "told")) == [str(number).encode() for number in range(1, 250)]
    assert texts(read(stream, "index", "told", 1)) == [b"1"]


def test_a_name_of_any_signs_and_a_value_of_any_bytes_go_through(stream):
    given = [("ключ/ü %\n", bytes(range(256))), ("", b""), (secrets.token_hex(400), b"x" * 5000)]
    stream.send("told", given)
    found = read(stream, "index", "told", 3)
    assert sorted((record.key, record.value) for record in found) == sorted(given)


def test_what_is_sent_in_an_undone_transaction_was_never_sent(ledger):
    stream = EmbeddedStream(ledger)

    def fail_after_sending():
        with ledger.begin():
            stream.send("told", [("s", b"1")])
            raise RuntimeError("the stage failed")

    assert stream.in_ledger
    with pytest.raises(RuntimeError):
        fail_after_sending()
    assert stream.read("index", "told", 9) == []


def test_a_commit_in_an_undone_transaction_was_never_made(ledger):
    stream = EmbeddedStream(ledger)
    stream.send("told", [("s", b"1")])

    def fail_after_committing():
        with ledger.begin():
            stream.commit("index", "told", stream.read("index", "told", 1))
            raise RuntimeError("the stage failed")

    with pytest.raises(RuntimeError):
        fail_after_committing()
    assert stream.lag("index", "told") == 1
