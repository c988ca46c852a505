"""Many feeds: each once, several at once, one of a host at a time, until told to stop."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from feeds_kit import (
    Workers,
    change,
    hours,
    item,
    listed,
    poll_rows,
    row,
    rss,
    sent,
    stage,
    titles,
)
from fetch_server import answer, serving
from pages_kit import Time

from ingest import rejected
from ingest.children import Children, ChildrenSettings
from ingest.clock import now
from ingest.feeds import FEED_JOB, JOBS, FeedBody
from ingest.feeds.collect import poll_all, run_collect
from ingest.feeds.settings import FeedSettings
from ingest.fetch import FetchSettings
from ingest.verdict import Abort


def xml(*items):
    return answer(rss(*items))


class Slow:
    """Answers after a while, and counts how many are being answered."""

    def __init__(self, seconds=0.03):
        self.flights = self.most = 0
        self._seconds = seconds

    async def __call__(self, writer):
        self.flights += 1
        self.most = max(self.most, self.flights)
        await asyncio.sleep(self._seconds)
        self.flights -= 1
        writer.write(xml(1))


def test_each_feed_is_polled_once_and_counted_by_its_word(tmp_path):
    async def scenario():
        answers = {"/1": xml(1), "/2": xml(2), "/3": answer(status="410 Gone"), "/4": answer(b"<html>")}
        async with serving(answers) as site, stage(tmp_path) as tools:
            listed(tools, *(site.url(path) for path in answers), "http://10.0.0.1/", "no address")
            told: Counter[str] = Counter()
            counts = await poll_all(tools, due_only=True, progress=told.update)
            assert counts == told == {"new": 2, "gone": 1, "not-a-feed": 1, "refused": 2}
            assert sorted(site.paths) == sorted(answers)
            assert await poll_all(tools, due_only=True) == {}

    asyncio.run(scenario())


def test_feeds_that_are_not_due_are_polled_where_all_are_asked_for(tmp_path):
    async def scenario():
        async with serving({"/1": xml(1), "/2": xml(2)}) as site, stage(tmp_path) as tools:
            listed(tools, site.url("/1"), site.url("/2"))
            await poll_all(tools, due_only=True)
            assert await poll_all(tools, due_only=True) == {}
            assert await poll_all(tools, due_only=False) == {"unchanged": 2}

    asyncio.run(scenario())


def test_a_feed_that_left_its_list_is_never_polled(tmp_path):
    async def scenario():
        async with serving({"/1": xml(1), "/2": xml(2)}) as site, stage(tmp_path) as tools:
            listed(tools, site.url("/1"), site.url("/2"), list_name="l")
            listed(tools, site.url("/2"), list_name="l")
            await poll_all(tools, due_only=False)
            assert site.paths == ["/2"]

    asyncio.run(scenario())


def test_several_hosts_are_polled_at_once_and_one_of_them_once_at_a_time(tmp_path):
    async def scenario():
        polite = FetchSettings(allow_loopback=True, loopback_parallel=1)
        one, other = Slow(), Slow()
        settings = FeedSettings(parallel=4)
        async with (
            serving({f"/{n}": one for n in range(4)}) as site,
            serving({f"/{n}": other for n in range(4)}, host="127.0.0.2") as second,
            stage(tmp_path, now, settings=settings, fetching=polite) as tools,
        ):
            listed(tools, *(site.url(f"/{n}") for n in range(4)))
            listed(tools, *(second.url(f"/{n}", host="127.0.0.2") for n in range(4)))
            counts = await poll_all(tools, due_only=True)
            assert counts.total() == 8
            assert (one.most, other.most) == (1, 1)

    asyncio.run(scenario())


def test_no_more_polls_are_in_flight_than_set(tmp_path):
    async def scenario():
        slow = Slow()
        polite = FetchSettings(allow_loopback=True, loopback_parallel=50)
        settings = FeedSettings(parallel=3)
        answers = {f"/{n}": slow for n in range(12)}
        async with serving(answers) as site, stage(tmp_path, settings=settings, fetching=polite) as tools:
            listed(tools, *(site.url(path) for path in answers))
            assert (await poll_all(tools, due_only=True)).total() == 12
            assert slow.most == 3

    asyncio.run(scenario())


def test_the_service_polls_what_is_due_until_it_is_told_to_stop(tmp_path):
    async def scenario():
        stop, polls = asyncio.Event(), Counter()

        def progress(counts):
            polls.update(counts)
            if polls.total() == 1:
                site.answers["/1"] = xml(2, 1)
            if polls["new"] == 2:
                stop.set()

        settings = FeedSettings(loopback_shortest_seconds=0.1, look_again_seconds=0.05)
        async with serving({"/1": xml(1)}) as site, stage(tmp_path, now, settings=settings) as tools:
            listed(tools, site.url("/1"))
            async with asyncio.timeout(10):
                await run_collect(tools, stop, progress=progress)
            assert titles(tools) == ["Title 1", "Title 2"]

    asyncio.run(scenario())


def test_a_feed_that_is_listed_while_the_service_runs_is_polled_soon(tmp_path):
    async def scenario():
        stop = asyncio.Event()
        async with serving({"/1": xml(1)}) as site, stage(tmp_path, now) as tools:
            task = asyncio.create_task(run_collect(tools, stop, progress=lambda counts: stop.set()))
            await asyncio.sleep(0.1)
            listed(tools, site.url("/1"))
            async with asyncio.timeout(10):
                await task
            assert len(sent(tools)) == 1

    asyncio.run(scenario())


def test_a_stop_breaks_off_what_is_under_way_and_loses_nothing(tmp_path):
    async def scenario():
        gate, asked = asyncio.Event(), asyncio.Event()

        async def waits(writer):
            asked.set()
            await gate.wait()
            writer.write(xml(1))

        stop = asyncio.Event()
        async with serving({"/1": waits}) as site, stage(tmp_path) as tools:
            listed(tools, site.url("/1"))
            task = asyncio.create_task(run_collect(tools, stop))
            async with asyncio.timeout(10):
                await asked.wait()
                stop.set()
                await task
            assert poll_rows(tools) == []
            gate.set()
            assert await poll_all(tools, due_only=True) == {"new": 1}

    asyncio.run(scenario())


def test_a_fault_of_our_own_at_one_feed_does_not_stop_the_others(tmp_path):
    class Faulty(Workers):
        async def run(self, job, items, before_alone=None):
            if b"FAULT" in items[0].body:
                raise TypeError("a fault of our own")
            return await super().run(job, items)

    async def scenario():
        answers = {"/1": xml(item(1, title="FAULT")), "/2": xml(2)}
        async with serving(answers) as site, stage(tmp_path, children=Faulty()) as tools:
            listed(tools, *(site.url(path) for path in answers))
            assert await poll_all(tools, due_only=True) == {"failed": 1, "new": 1}
            (kept,) = rejected.listing(tools.ledger, 9)
            assert "TypeError: a fault of our own" in kept.reason
            assert kept.detail.startswith("Traceback")
            assert row(tools, site.url("/1")).failures == 1

    asyncio.run(scenario())


def test_a_ledger_that_cannot_be_written_stops_the_service(tmp_path):
    def send(tx, topic, records):
        raise Abort("the disk is full; free space, then start again")

    async def scenario():
        async with serving({"/1": xml(1)}) as site, stage(tmp_path, send=send) as tools:
            listed(tools, site.url("/1"))
            with pytest.raises(Abort, match="free space"):
                await run_collect(tools, asyncio.Event())
            assert await poll_all(replace(tools, send=tools.ledger.publish), due_only=True) == {"new": 1}

    asyncio.run(scenario())


def test_a_busy_host_does_not_hold_up_the_others(tmp_path):
    async def scenario():
        polite = FetchSettings(allow_loopback=True, loopback_parallel=1)
        slow = Slow(0.2)
        async with (
            serving({f"/{n}": slow for n in range(3)}) as site,
            serving({"/": xml(2)}, host="127.0.0.2") as other,
            stage(tmp_path, now, settings=FeedSettings(parallel=2), fetching=polite) as tools,
        ):
            listed(tools, *(site.url(f"/{n}") for n in range(3)))
            listed(tools, other.url("/", host="127.0.0.2"))
            order = []
            await poll_all(tools, due_only=True, progress=lambda counts: order.append(len(site.paths)))
            assert order[0] == 1  # the other host was done while the first request to this one was under way

    asyncio.run(scenario())


def test_the_order_of_polls_is_the_order_in_which_they_are_due(tmp_path):
    async def scenario():
        time = Time()
        answers = {f"/{n}": xml(n) for n in range(4)}
        async with serving(answers) as site, stage(tmp_path, time, settings=FeedSettings(parallel=1)) as tools:
            listed(tools, *(site.url(path) for path in answers))
            for number in range(4):
                change(tools, site.url(f"/{number}"), next_poll=number)
            time.value += hours(1)
            await poll_all(tools, due_only=True)
            assert site.paths == ["/0", "/1", "/2", "/3"]

    asyncio.run(scenario())


def test_a_feed_that_ends_its_reader_is_set_aside_and_the_next_is_read(tmp_path):
    async def scenario():
        answers = {"/1": xml(1), "/2": xml(item(2, title="DEADLY")), "/3": xml(3)}
        jobs = {FEED_JOB: "feeds_kit:parse_or_die"}
        async with (
            serving(answers) as site,
            Children(jobs, ChildrenSettings(count=1)) as children,
            stage(tmp_path, children=children) as tools,
        ):
            listed(tools, *(site.url(path) for path in answers))
            assert await poll_all(tools, due_only=True) == {"new": 2, "failed": 1}
            (kept,) = rejected.listing(tools.ledger, 9)
            assert (kept.url, kept.feed) == (site.url("/2"), kept.record)
            assert "was killed" in kept.reason
            assert rejected.show(tools.ledger, kept.id).data == rss(item(2, title="DEADLY"))

    asyncio.run(scenario())


def test_the_real_children_read_feeds(tmp_path):
    async def scenario():
        async with serving({"/1": xml(1)}) as site, Children(JOBS, ChildrenSettings(count=1)) as children:
            (done,) = await children.run(FEED_JOB, [FeedBody(feed="f", url=site.url("/1"), body=rss(1), now=now())])
            assert [entry.title for entry in done.value.entries] == ["Title 1"]

    asyncio.run(scenario())
