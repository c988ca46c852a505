"""One contract that every stream keeps."""

import pytest

from flows.stream.embedded import EmbeddedStream
from ingest.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def stream(ledger):
    return EmbeddedStream(ledger)


def test_records_come_in_the_order_they_were_sent(stream):
    stream.send("articles", [("a", b"1"), ("b", b"2")])
    stream.send("enriched", [("a", b"other")])
    stream.send("articles", [("a", b"3")])
    assert [(r.key, r.value) for r in stream.read("enrich", "articles", 10)] == [("a", b"1"), ("b", b"2"), ("a", b"3")]


def test_each_group_reads_for_itself_and_only_once(stream):
    stream.send("told", [("s", b"1"), ("s", b"2")])
    assert [r.value for r in stream.read("index", "told", 1)] == [b"1"]
    assert [r.value for r in stream.read("index", "told", 9)] == [b"2"]
    assert stream.read("index", "told", 9) == []
    assert [r.value for r in stream.read("watch", "told", 9)] == [b"1", b"2"]


def test_what_was_not_committed_comes_again(stream, ledger):
    stream.send("told", [("s", b"1"), ("s", b"2"), ("s", b"3")])
    first, *_ = stream.read("index", "told", 2)
    stream.commit("index", "told", first.position)
    stream.rewind("index", "told")
    assert [r.value for r in stream.read("index", "told", 9)] == [b"2", b"3"]
    assert [r.value for r in EmbeddedStream(ledger).read("index", "told", 9)] == [b"2", b"3"]


def test_a_commit_never_goes_back(stream, ledger):
    stream.send("told", [("s", b"1"), ("s", b"2")])
    one, two = stream.read("index", "told", 9)
    stream.commit("index", "told", two.position)
    stream.commit("index", "told", one.position)
    assert EmbeddedStream(ledger).read("index", "told", 9) == []


def test_lag_counts_what_a_group_has_not_committed(stream):
    assert stream.lag("index", "told") == 0
    stream.send("told", [("s", b"1"), ("s", b"2")])
    assert stream.lag("index", "told") == 2
    stream.commit("index", "told", stream.read("index", "told", 1)[0].position)
    assert stream.lag("index", "told") == 1


def test_what_is_sent_in_an_undone_transaction_was_never_sent(stream, ledger):
    def fail_after_sending():
        with ledger.begin():
            stream.send("told", [("s", b"1")])
            raise RuntimeError("the stage failed")

    with pytest.raises(RuntimeError):
        fail_after_sending()
    assert stream.read("index", "told", 9) == []
