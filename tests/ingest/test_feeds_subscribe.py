"""Lists and the ledger."""

from datetime import timedelta

import pytest
from pages_kit import START
from sqlalchemy import select

from ingest.clock import to_ms
from ingest.feeds.lists import ListedFeed
from ingest.feeds.subscribe import Subscribed, feed_id, subscribe
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables.feeds import feeds as table

A, B, C = (f"http://{name}.example/feed" for name in "abc")
LATER = START + timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def told(ledger, *urls, name="list", now=START, **rest):
    found = subscribe(ledger, [ListedFeed(url=url, **rest) for url in urls], list_name=name, now=now)
    return found.added, found.kept, found.removed, found.back


def row(ledger, url):
    with ledger.read() as connection:
        return connection.execute(select(table).where(table.c.id == feed_id(url))).one()


def test_new_feeds_are_due_at_once(ledger):
    assert told(ledger, A, B, title="T", language="pl", tags=("x", "y"), every_seconds=600.0) == (2, 0, 0, 0)
    found = row(ledger, A)
    assert found.id == digest("feed", A)
    assert (found.url, found.url_given, found.title, found.language, found.tags) == (A, A, "T", "pl", "x,y")
    assert (found.next_poll, found.wanted_seconds, found.removed) == (to_ms(START), 600.0, None)


def test_a_feed_that_left_its_list_is_kept_and_comes_back(ledger):
    told(ledger, A, B)
    assert told(ledger, B, C, now=LATER) == (1, 1, 1, 0)
    assert row(ledger, A).removed == to_ms(LATER)
    assert told(ledger, A, B, C, now=LATER) == (0, 2, 0, 1)
    assert (row(ledger, A).removed, row(ledger, A).next_poll) == (None, to_ms(LATER))


def test_a_list_ends_no_feed_of_another_list_and_none_that_was_given_alone(ledger):
    told(ledger, A, name="")
    told(ledger, B, name="one")
    told(ledger, A, B, C, name="two")
    assert told(ledger, C, name="two") == (0, 1, 1, 0)  # B was taken over by the list that named it last
    assert row(ledger, A).removed is None
    assert told(ledger, B, name="") == (0, 0, 0, 1)
    assert told(ledger, C, name="one") == (0, 1, 0, 0)
    assert row(ledger, B).removed is None


def test_what_was_learned_stays_and_what_the_list_says_is_renewed(ledger):
    told(ledger, A)
    with ledger.begin() as tx:
        tx.execute(table.update().values(etag='"1"', title="From the feed", next_poll=to_ms(START + timedelta(days=1))))
    told(ledger, A, tags=("new",))
    assert (row(ledger, A).etag, row(ledger, A).title, row(ledger, A).tags) == ('"1"', "From the feed", "new")
    told(ledger, A, title="From the list", every_seconds=600.0, now=LATER)
    assert row(ledger, A).title == "From the list"
    assert row(ledger, A).next_poll == to_ms(LATER + timedelta(minutes=10))


def test_a_feed_that_is_given_twice_is_one(ledger):
    assert told(ledger, A, A) == (1, 0, 0, 0)
    assert subscribe(ledger, [], list_name="", now=START) == Subscribed(added=0, kept=0, removed=0, back=0)
