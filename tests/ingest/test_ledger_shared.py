"""Several processes over one ledger on PostgreSQL: each thing is done once."""

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta

import pytest
from feeds_kit import Workers, rss, subscribe
from fetch_server import answer, serving
from ledger_kit import at_once, opened, shared_ledger
from pages_kit import START, Time, entry
from sqlalchemy import func, insert, select

from ingest.clock import to_ms
from ingest.feeds import claims
from ingest.feeds.collect import CollectTools, poll_all
from ingest.feeds.lists import ListedFeed
from ingest.feeds.subscribe import feed_id
from ingest.fetch import Fetcher, FetchSettings, Politeness
from ingest.ledger.leases import Lease
from ingest.ledger.tables.alerts import facts
from ingest.ledger.tables.feeds import feeds, fetches, polls
from ingest.ledger.tables.stream import records
from ingest.queue import (
    Ending,
    State,
    admit,
    finish,
    lease,
    release,
    release_expired,
    renew,
    still_held,
    take,
    waiting,
)
from ingest.retention import sweep
from ingest.verdict import Retry

pytestmark = pytest.mark.servers
HERE = FetchSettings(allow_loopback=True)


@pytest.fixture(scope="module")
def database():
    with shared_ledger() as url:
        yield url


@pytest.fixture
def url(database):
    """The address of a ledger with nothing in it."""
    with opened(database) as ledger, ledger.begin() as transaction:
        for table in reversed(feeds.metadata.sorted_tables):
            transaction.execute(table.delete())
    return database


def put(url, *entries):
    with opened(url) as ledger, ledger.begin() as transaction:
        admit(transaction, entries, START)


def test_eight_workers_take_two_thousand_fetches_once_each(url):
    put(url, *(entry(f"http://{number % 97}.example/{number}") for number in range(2000)))

    def work(ledger, _number):
        done = []
        while waiting(ledger, START).in_flight:
            fetches = take(ledger, START, 40, 600)
            done += [fetch.id for fetch in fetches]
            with ledger.begin("fetches") as transaction:
                finish(transaction, [Ending(id=fetch.id, state=State.DONE) for fetch in fetches], START)
        return done

    done = at_once(url, 8, work)
    assert len(set().union(*done)) == sum(map(len, done)) == 2000
    assert sum(bool(one) for one in done) > 1


def test_an_article_goes_to_one_worker_though_two_feeds_tell_it(url):
    told = [entry("http://a.example/1", feed=f"feed-{number}", title=f"T{number}") for number in range(6)]
    put(url, *told)
    with opened(url) as ledger, ledger.read() as connection:
        names = connection.execute(select(fetches.c.id)).scalars().all()
    assert len(names) == 6
    taken = at_once(url, 6, lambda ledger, number: lease(ledger, [names[number]], START, 600))
    assert sum(map(len, taken)) == 1


def test_what_another_worker_holds_is_put_back_only_when_its_lease_ran_out(url):
    put(url, entry("http://a.example/1"))
    with opened(url) as one, opened(url) as two:
        (fetch,) = take(one, START, 1, 60)
        assert release_expired(two, START + timedelta(seconds=50)) == 0
        renew(one, [fetch], START + timedelta(seconds=50), 60)
        assert release_expired(two, START + timedelta(seconds=70)) == 0
        assert release_expired(two, START + timedelta(seconds=111)) == 1
        (again,) = take(two, START + timedelta(seconds=111), 1, 60)
        renew(one, [fetch], START + timedelta(seconds=111), 600)
        release(one, [fetch])
        with two.begin("fetches") as transaction:
            assert still_held(transaction, [fetch]) == set()
            assert still_held(transaction, [again]) == {fetch.id}


def test_two_collectors_poll_each_of_two_hundred_feeds_once(url):
    async def scenario():
        body = answer(rss(*range(5)))
        async with serving({f"/{number}": body for number in range(200)}) as site:
            ledgers = [stack.enter_context(opened(url)) for _ in range(2)]
            listed = [ListedFeed(url=site.url(f"/{number}")) for number in range(200)]
            subscribe(ledgers[0], listed, list_name="", now=START)
            counts = await asyncio.gather(*(collect(ledger, number) for number, ledger in enumerate(ledgers)))
            assert Counter(site.paths) == dict.fromkeys(site.answers, 1)
            assert [sum(count.values()) > 0 for count in counts] == [True, True]
            with ledgers[0].read() as connection:
                assert connection.execute(select(func.count()).select_from(polls)).scalar() == 200
                assert connection.execute(select(func.count()).select_from(records)).scalar() == 1000
                assert set(connection.execute(select(feeds.c.lease)).scalars()) == {0}

    with ExitStack() as stack:
        asyncio.run(scenario())


async def collect(ledger, number):
    async with Fetcher(HERE) as fetcher:
        return await poll_all(collecting(ledger, fetcher, f"host:{number}"), due_only=True)


def collecting(ledger, fetcher=None, owner="host:1", time=None):
    clock = {"clock": time} if time else {}
    return CollectTools(
        ledger=ledger,
        fetcher=fetcher,
        politeness=Politeness(ledger, HERE, owner=owner, **clock),
        children=Workers(),
        send=ledger.publish,
        allow_loopback=True,
        shared=True,
        **clock,
    )


def test_a_feed_whose_collector_died_is_polled_by_another_when_the_claim_has_run_out(url):
    time = Time()
    with opened(url) as one, opened(url) as two:
        subscribe(one, [ListedFeed(url="http://a.example/feed")], list_name="", now=START)
        first, second = collecting(one, time=time), collecting(two, owner="host:2", time=time)
        name = feed_id("http://a.example/feed")
        assert claims.claim(first, name, due_only=True).id == name
        assert claims.claim(second, name, due_only=True) is None
        assert claims.due(second, due_only=True) == []
        time.pass_(seconds=301)
        assert [feed.id for feed in claims.due(second, due_only=True)] == [name]
        assert claims.claim(second, name, due_only=True).id == name
        claims.give_back(second, [name])
        assert claims.claim(first, name, due_only=True).id == name


def test_a_host_is_asked_by_one_process_at_a_time_and_its_pause_holds_for_the_next(url):
    time = Time()
    with opened(url) as one, opened(url) as two:
        first, second = (Politeness(ledger, FetchSettings(), time, f"host:{n}") for n, ledger in enumerate((one, two)))
        assert first.take("news.example") == 0.0
        first.free("news.example")
        assert second.take("news.example") > 0
        first.close()
        assert 0 < second.take("news.example") <= 5
        time.pass_(seconds=6)
        assert second.take("news.example") == 0.0
        second.close()


def test_a_host_is_leased_to_one_of_many_who_ask_at_once(url):
    def ask(ledger, number):
        return Politeness(ledger, FetchSettings(), lambda: START, f"host:{number}").take("news.example")

    assert at_once(url, 6, ask).count(0.0) == 1


def test_a_lease_has_one_holder_of_many_who_take_it_at_once(url):
    taken = at_once(url, 8, lambda ledger, number: Lease(ledger, "stories", f"host:{number}").take())
    assert taken.count(True) == 1


def test_nobody_takes_a_lease_while_its_holder_changes_the_ledger_under_it(url):
    with opened(url) as one, opened(url) as two:
        old, new = Lease(one, "stories", "host:1", seconds=0.2), Lease(two, "stories", "host:2", seconds=30)
        assert old.take()
        order = []

        def take(_ledger, number):
            if number:
                time.sleep(0.5)  # the lease has run out, and its holder is still at work
                order.append(("taken", new.take()))
                return
            with one.begin("stories") as transaction:
                old.hold(transaction)
                time.sleep(1.5)
                transaction.execute(insert(facts).values(name="a", value="1", at=0))
                order.append(("written", True))

        at_once(url, 2, take)
        assert order == [("written", True), ("taken", True)]
        with pytest.raises(Retry, match="stories has gone to another process"), one.begin("stories") as transaction:
            old.hold(transaction)
        assert not old.keep()


HOLD = """
import sys, time
from ingest.ledger import Ledger
from ingest.ledger.leases import Lease
from ingest.ledger.settings import LedgerSettings
ledger = Ledger.connect(LedgerSettings(url=sys.argv[1]))
lease = Lease(ledger, "stories", "host:first", seconds=3)
print(lease.take(), flush=True)
while True:
    time.sleep(0.5)
    lease.keep()
"""


def test_another_takes_over_soon_after_the_holder_was_killed(url):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "True\n"
        with opened(url) as ledger:
            mine = Lease(ledger, "stories", "host:second", seconds=3)
            time.sleep(4)  # longer than the lease: it is kept
            assert not mine.take()
            holder.send_signal(signal.SIGKILL)
            holder.wait()
            until = time.monotonic() + 30
            while not mine.take():
                assert time.monotonic() < until
                time.sleep(0.1)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_two_sweeps_at_once_remove_what_is_old_once(url, tmp_path):
    old = to_ms(START - timedelta(days=60))
    with opened(url) as ledger, ledger.begin() as transaction:
        transaction.execute(insert(polls), [{"feed": "f", "at": old, "outcome": "new"} for _ in range(4500)])
        transaction.execute(insert(polls).values(feed="f", at=to_ms(START), outcome="new"))
    (tmp_path / "archive").mkdir()
    swept = at_once(url, 2, lambda ledger, _number: sweep(ledger, tmp_path / "archive", START))
    assert sum(one.polls for one in swept) == 4500
    with opened(url) as ledger, ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(polls)).scalar() == 1


def test_parts_that_do_not_touch_run_beside_each_other_and_all_excludes_all(url):
    """Two of one part take turns; what stands in `order` would be mixed if they did not."""
    order = []

    def work(part):
        def run(ledger, number):
            with ledger.begin(part[number]):
                order.append(number)
                time.sleep(0.3)
                order.append(number)

        return run

    for part in (("hosts", "hosts"), ("all", "rows"), ("fetches", "all")):
        order.clear()
        at_once(url, 2, work(part))
        assert order in ([0, 0, 1, 1], [1, 1, 0, 0]), part


def test_text_with_a_null_character_is_kept_without_it(url):
    with opened(url) as ledger:
        with ledger.begin() as transaction:
            transaction.execute(insert(facts).values(name="a\0b", value="\0", at=0))
        with ledger.read() as connection:
            assert connection.execute(select(facts)).all() == [("a\ufffdb", "\ufffd", 0)]
