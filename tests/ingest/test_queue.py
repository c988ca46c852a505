from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages_kit import START, Time, again, entry, fetches, states
from sqlalchemy import update

from ingest import rejected
from ingest.entry import Origin
from ingest.ledger import Ledger
from ingest.ledger.tables.feeds import fetches as table
from ingest.queue import (
    Admitted,
    Delay,
    Ending,
    QueueSettings,
    State,
    admit,
    count_death,
    due,
    finish,
    forget_deaths,
    pause,
    promote,
    release,
    release_all,
    release_expired,
    retry_later,
    take,
    waiting,
)

A, B = "http://a.example/1", "http://b.example/1"


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.sqlite", clock=Time())
    yield opened
    opened.close()


def put(ledger, *entries, now=START):
    with ledger.begin() as tx:
        return admit(tx, entries, now)


def end(ledger, fetch, state=State.DONE, now=START):
    with ledger.begin() as tx:
        finish(tx, [Ending(id=fetch.id, state=state)], now)


def test_an_entry_is_admitted_once(ledger):
    assert put(ledger, entry(A)) == Admitted(1, 0, 0)
    assert put(ledger, entry(A), entry(A)) == Admitted(0, 0, 2)
    assert states(ledger) == ["waiting"]


def test_an_entry_twice_in_one_batch_is_admitted_once(ledger):
    assert put(ledger, entry(A), entry(A)) == Admitted(1, 0, 1)


def test_admitting_stands_or_falls_with_its_transaction(ledger):
    def admit_and_fail():
        with ledger.begin() as tx:
            admit(tx, [entry(A)], START)
            raise KeyError

    with pytest.raises(KeyError):
        admit_and_fail()
    assert fetches(ledger) == []


def test_an_entry_whose_content_changed_is_fetched_again(ledger):
    told = entry(A)
    put(ledger, told)
    end(ledger, *take(ledger, START, 1, 60))
    put(ledger, again(told, summary="Now with a summary", seen=START + timedelta(hours=1)))
    assert [(row.state, row.reason) for row in fetches(ledger)] == [("done", "new"), ("waiting", "edited")]


def test_a_version_that_still_waits_gives_way_to_the_newer_one(ledger):
    told = entry(A)
    put(ledger, told, again(told, title="Better", seen=START + timedelta(minutes=1)))
    assert states(ledger) == ["same", "waiting"]
    (fetch,) = take(ledger, START, 9, 60)
    assert fetch.entry.title == "Better"


def test_an_entry_that_goes_back_to_an_earlier_version_is_fetched_again_but_a_redelivery_is_not(ledger):
    one = entry(A)
    two = again(one, title="Two", seen=START + timedelta(hours=1))
    back = replace(one, seen=START + timedelta(hours=2))
    for told in (one, two, back):
        put(ledger, told)
        end(ledger, *take(ledger, START, 1, 60))
    assert put(ledger, one, two, back) == Admitted(0, 0, 3)
    assert states(ledger) == ["done", "done", "done"]


def test_another_feed_that_tells_the_same_article_shares_its_fetch(ledger):
    assert put(ledger, entry(A), entry(A, feed="feed-b", version="2")) == Admitted(1, 1, 0)
    assert sorted(states(ledger)) == ["same", "waiting"]


def test_another_feed_with_other_words_for_the_article_has_it_fetched(ledger):
    assert put(ledger, entry(A), entry(A, feed="feed-b", title="Another headline")) == Admitted(2, 0, 0)


def test_another_feed_a_day_later_has_the_article_fetched(ledger):
    later = START + timedelta(hours=25)
    put(ledger, entry(A))
    assert put(ledger, entry(A, feed="feed-b", seen=later), now=later) == Admitted(1, 0, 0)


def test_another_feed_is_tried_where_the_first_was_rejected(ledger):
    put(ledger, entry(A))
    end(ledger, *take(ledger, START, 1, 60), State.REJECTED)
    assert put(ledger, entry(A, feed="feed-b")) == Admitted(1, 0, 0)


def test_an_entry_that_stood_back_is_tried_when_the_other_was_rejected(ledger):
    put(ledger, entry(A), entry(A, feed="feed-b"))
    (fetch,) = take(ledger, START, 9, 60)
    end(ledger, fetch, State.REJECTED)
    with ledger.begin() as tx:
        promote(tx, fetch.article, START)
    (second,) = take(ledger, START, 9, 60)
    assert second.entry.feed == "feed-b"


def test_hosts_take_turns(ledger):
    put(ledger, *(entry(f"http://a.example/{number}") for number in range(5)), entry(B), entry("http://c.example/1"))
    hosts = [fetch.entry.key for fetch in take(ledger, START, 4, 60)]
    assert sorted(hosts[:3]) == ["a.example", "b.example", "c.example"]
    assert hosts[3:] == ["a.example"]


def test_a_host_that_is_skipped_gives_nothing(ledger):
    put(ledger, entry(A), entry(B))
    assert [host for _, host, _ in due(ledger, START, 9, skip_hosts=["a.example"])] == ["b.example"]


def test_what_is_new_stands_before_a_first_poll(ledger):
    old = [entry(f"http://a.example/{number}", origin=Origin.FIRST_POLL) for number in range(3)]
    put(ledger, *old, now=START - timedelta(hours=1))
    put(ledger, entry("http://a.example/new"))
    assert [fetch.reason for fetch in take(ledger, START, 1, 60)] == ["new"]


def test_an_article_is_worked_on_by_one_fetch_at_a_time(ledger):
    told = entry(A)
    put(ledger, told, entry(A, feed="feed-b", title="Another"))
    (fetch,) = take(ledger, START, 9, 60)
    put(ledger, again(told, title="Edited"))
    assert take(ledger, START, 9, 60) == []
    end(ledger, fetch)
    assert len(take(ledger, START, 9, 60)) == 1


def test_an_attempt_is_counted_before_the_work_and_kept_by_a_crash(ledger):
    put(ledger, entry(A))
    assert take(ledger, START, 1, 60)[0].attempts == 1
    assert take(ledger, START, 1, 60) == []
    assert release_all(ledger) == 1
    assert take(ledger, START, 1, 60)[0].attempts == 2


def test_what_was_not_tried_is_put_back_uncounted(ledger):
    put(ledger, entry(A))
    release(ledger, take(ledger, START, 1, 60))
    assert take(ledger, START, 1, 60)[0].attempts == 1


def test_a_lease_that_ran_out_is_free_again(ledger):
    put(ledger, entry(A))
    take(ledger, START, 1, 60)
    assert release_expired(ledger, START + timedelta(seconds=59)) == 0
    assert release_expired(ledger, START + timedelta(seconds=61)) == 1


def test_a_delayed_fetch_waits_for_its_time(ledger):
    put(ledger, entry(A))
    (fetch,) = take(ledger, START, 1, 60)
    later = START + timedelta(minutes=5)
    with ledger.begin() as tx:
        retry_later(tx, [Delay(id=fetch.id, due=later, detail="timeout")])
    assert take(ledger, later - timedelta(seconds=1), 1, 60) == []
    assert take(ledger, later, 1, 60)[0].attempts == 2


def test_waiting_tells_now_from_soon_and_later(ledger):
    put(ledger, entry(A), *(entry(f"{B}{number}") for number in range(3)))
    one, two, *_ = take(ledger, START, 3, 60)
    with ledger.begin() as tx:
        retry_later(
            tx,
            [
                Delay(id=one.id, due=START + timedelta(seconds=10), detail=""),
                Delay(id=two.id, due=START + timedelta(hours=1), detail=""),
            ],
        )
    left = waiting(ledger, START)
    assert (left.leased, left.due_now, left.due_within_30s, left.later) == (1, 1, 1, 1)
    assert left.earliest == START
    assert left.in_flight == 4


def test_nothing_waits_in_an_empty_queue(ledger):
    left = waiting(ledger, START)
    assert (left.in_flight, left.earliest) == (0, None)


def test_deaths_are_counted_durably_and_forgotten_after_a_good_reading(ledger, tmp_path):
    put(ledger, entry(A))
    (fetch,) = take(ledger, START, 1, 60)
    assert [count_death(ledger, fetch.id), count_death(ledger, fetch.id)] == [1, 2]
    release_all(ledger)
    assert take(ledger, START, 1, 60)[0].deaths == 2
    with ledger.begin() as tx:
        forget_deaths(tx, [fetch.id])
    release_all(ledger)
    assert take(ledger, START, 1, 60)[0].deaths == 0


def test_a_row_that_cannot_be_read_is_rejected_and_stops_nobody(ledger):
    put(ledger, entry(A), entry(B))
    with ledger.begin() as tx:
        tx.execute(update(table).where(table.c.url == A).values(record=b'{"no": "entry"}'))
    assert [fetch.entry.url for fetch in take(ledger, START, 9, 60)] == [B]
    (kept,) = rejected.listing(ledger, 9)
    assert kept.url == A
    assert rejected.show(ledger, kept.id).data == b'{"no": "entry"}'


@given(failures=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_a_pause_lies_below_a_ceiling_that_grows_to_half_a_day(failures, chance):
    settings = QueueSettings()
    assert 0 <= pause(failures, lambda: chance, settings) <= min(120 * 3 ** min(failures - 1, 9), 43_200)


def test_all_attempts_span_a_day_at_most():
    settings = QueueSettings()
    total = sum(pause(failures, lambda: 1.0, settings) for failures in range(1, settings.attempts))
    assert 12 * 3600 <= total <= 30 * 3600
