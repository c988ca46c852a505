from datetime import timedelta

import pytest
from pages_kit import START, Time, entry, fetches
from sqlalchemy import insert, select

from ingest import rejected
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import feeds, stream
from ingest.queue import Ending, State, admit, finish
from ingest.verdict import Reject


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.sqlite", clock=Time())
    yield opened
    opened.close()


def put_aside(
    ledger, record="e1", *, stage="extract", reason="no text", data=b"<html>", kind="text/html", at=START, feed=""
):
    with ledger.begin() as tx:
        return rejected.reject(
            tx, stage=stage, record=record, feed=feed, reason=reason, kind=kind, data=data, at_ms=to_ms(at)
        )


def test_a_rejected_record_is_shown_with_its_bytes_and_reason(ledger):
    name = put_aside(ledger)
    shown = rejected.show(ledger, name)
    assert (shown.stage, shown.record, shown.reason, shown.data, shown.times, shown.at) == (
        "extract", "e1", "no text", b"<html>", 1, START,
    )  # fmt: skip
    assert rejected.show(ledger, "nothing") is None


def test_the_same_record_again_counts_up_and_tells_the_newest_reason(ledger):
    first = put_aside(ledger)
    second = put_aside(ledger, reason="died", data=b"<p>", at=START + timedelta(hours=1))
    assert first == second
    shown = rejected.show(ledger, first)
    assert (shown.times, shown.reason, shown.data, shown.state) == (2, "died", b"<p>", "open")
    assert rejected.count(ledger) == 1


def test_a_listing_is_newest_first_limited_and_without_bytes(ledger):
    for number in range(3):
        put_aside(ledger, f"e{number}", at=START + timedelta(hours=number))
    listed = rejected.listing(ledger, 2)
    assert [one.record for one in listed] == ["e2", "e1"]
    assert {one.data for one in listed} == {b""}


def test_a_record_of_the_stream_is_published_to_its_topic_again(ledger):
    name = put_aside(ledger, "article-1", stage="enrich", kind="application/json; topic=articles", data=b'{"id": 1}')
    rejected.retry(ledger, name, START)
    with ledger.read() as connection:
        (row,) = connection.execute(select(stream.records)).all()
    assert (row.topic, row.key, row.value) == ("articles", "article-1", b'{"id": 1}')
    assert rejected.show(ledger, name).state == "retried"


def test_an_entry_is_fetched_again_with_a_clean_count(ledger):
    told = entry("http://a.example/1")
    with ledger.begin() as tx:
        admit(tx, [told], START)
    (row,) = fetches(ledger)
    with ledger.begin() as tx:
        finish(tx, [Ending(id=row.id, state=State.REJECTED)], START)
    name = put_aside(ledger, told.id)
    later = START + timedelta(days=1)
    rejected.retry(ledger, name, later)
    (row,) = fetches(ledger)
    assert (row.state, row.due, row.attempts, row.deaths) == ("waiting", to_ms(later), 0, 0)


def test_a_feed_is_polled_again(ledger):
    with ledger.begin() as tx:
        tx.execute(
            insert(feeds.feeds).values(
                id="f", url_given="u", url="u", added=0, next_poll=to_ms(START) + 10**9, interval_seconds=300.0
            )
        )
    rejected.retry(ledger, put_aside(ledger, "f", stage="collect", feed="f"), START)
    with ledger.read() as connection:
        assert connection.execute(select(feeds.feeds.c.next_poll)).scalar_one() == to_ms(START)


def test_what_cannot_be_put_back_says_so_and_stays_open(ledger):
    with pytest.raises(Reject, match="no rejected record"):
        rejected.retry(ledger, "nothing", START)
    name = put_aside(ledger, "swept")
    with pytest.raises(Reject, match="no longer kept"):
        rejected.retry(ledger, name, START)
    assert rejected.show(ledger, name).state == "open"


def test_success_resolves_what_was_set_aside(ledger):
    name, other = put_aside(ledger), put_aside(ledger, "e2")
    with ledger.begin() as tx:
        rejected.resolve(tx, stage="extract", records=["e1", "unknown"])
    assert rejected.show(ledger, name).state == "resolved"
    assert rejected.show(ledger, other).state == "open"
