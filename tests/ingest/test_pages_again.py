"""Pages that are looked at again, and how the stage stops, waits and shares its work."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from fetch_server import answer, serving
from pages_kit import START, Reader, Time, article_rows, drain, entry, fetches, page, put, sent, stage, states
from pages_scene_kit import html, run
from sqlalchemy import update

from ingest import rejected
from ingest.fetch import FetchSettings
from ingest.ledger.tables.feeds import fetches as queue_table
from ingest.pages import PageSettings, plan_checks, run_pages
from ingest.queue import QueueSettings, release_expired, take, waiting
from ingest.verdict import Abort


def test_checks_find_an_edit_and_a_withdrawal(tmp_path):
    async def scenario():
        time = Time()
        async with serving({"/1": html(text="One.")}) as site, stage(tmp_path, time) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            with tools.ledger.begin() as tx:
                assert plan_checks(tx, sent(tools.ledger)[0], time()) == 3
                assert plan_checks(tx, sent(tools.ledger)[0], time()) == 0
            left = waiting(tools.ledger, time())
            assert (left.due_now, left.later, left.earliest) == (0, 3, START + timedelta(hours=1))
            time.pass_(hours=1)
            site.answers["/1"] = html(text="Two.")
            await drain(tools)
            time.pass_(hours=5)
            del site.answers["/1"]
            await drain(tools)
            time.pass_(hours=18)
            await drain(tools)
            told = [(article.revision, article.text, article.withdrawn) for article in sent(tools.ledger)]
            assert told == [(1, "One.", False), (2, "Two.", False), (3, "Two.", True)]
            assert sent(tools.ledger)[1].seen == START + timedelta(hours=1)
            assert article_rows(tools.ledger)[0].state == "withdrawn"
            assert rejected.count(tools.ledger) == 0

    run(scenario)


def test_a_page_that_comes_back_after_its_withdrawal_is_a_new_revision(tmp_path):
    async def scenario():
        time = Time()
        async with serving({"/1": html()}) as site, stage(tmp_path, time) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            with tools.ledger.begin() as tx:
                plan_checks(tx, sent(tools.ledger)[0], time())
            time.pass_(hours=1)
            kept = site.answers.pop("/1")
            await drain(tools)
            time.pass_(hours=5)
            site.answers["/1"] = kept
            await drain(tools)
            assert [(a.revision, a.withdrawn) for a in sent(tools.ledger)] == [(1, False), (2, True), (3, False)]

    run(scenario)


def test_a_check_that_cannot_be_made_changes_nothing(tmp_path):
    async def scenario():
        time = Time()
        async with serving({"/1": html()}) as site, stage(tmp_path, time) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            with tools.ledger.begin() as tx:
                plan_checks(tx, sent(tools.ledger)[0], time())
            time.pass_(hours=24)
            for answers in (answer(status="403 Forbidden"), html(text="DEADLY"), html(text="RAISE")):
                site.answers["/1"] = answers
                await drain(tools)
            assert len(sent(tools.ledger)) == 1
            assert sorted(states(tools.ledger)) == ["done", "unchanged", "unchanged", "unchanged"]
            assert rejected.count(tools.ledger) == 0

    run(scenario)


def test_the_words_of_a_withdrawn_article_are_said_to_be_lost_when_they_are(tmp_path):
    async def scenario():
        time = Time()
        async with serving({"/1": html("Head", "One.")}) as site, stage(tmp_path, time) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            with tools.ledger.begin() as tx:
                plan_checks(tx, sent(tools.ledger)[0], time())
            for path in (tmp_path / "archive").iterdir():
                path.unlink()
            del site.answers["/1"]
            time.pass_(hours=1)
            await drain(tools)
            last = sent(tools.ledger)[-1]
            assert (last.title, last.text, last.flags, last.withdrawn) == ("Head", "", ("text-lost",), True)

    run(scenario)


def test_a_host_has_one_request_in_flight_and_a_pause_between_two(tmp_path):
    async def scenario():
        time = Time()
        polite = FetchSettings(allow_loopback=True, loopback_parallel=1)
        flights, most = 0, 0

        async def slow(writer):
            nonlocal flights, most
            flights += 1
            most = max(most, flights)
            await asyncio.sleep(0.02)
            flights -= 1
            writer.write(html())

        async with serving({f"/{n}": slow for n in range(6)}) as site, stage(tmp_path, time, fetching=polite) as tools:
            put(tools, *(entry(site.url(f"/{n}")) for n in range(6)))
            task = asyncio.create_task(drain(tools))
            while not task.done():
                time.pass_(seconds=1)
                await asyncio.sleep(0.01)
            await task
            assert most == 1
            assert states(tools.ledger) == ["done"] * 6

    run(scenario)


def test_stopping_puts_back_what_is_under_way_and_loses_nothing(tmp_path):
    async def scenario():
        gate = asyncio.Event()

        async def waits(writer):
            await gate.wait()
            writer.write(html())

        async with serving({"/1": waits}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1")))
            stop = asyncio.Event()
            task = asyncio.create_task(run_pages(tools, stop))
            async with asyncio.timeout(5):
                while "/1" not in site.paths:
                    await asyncio.sleep(0.01)
                stop.set()
                await task
            (row,) = fetches(tools.ledger)
            assert (row.state, row.attempts) == ("waiting", 0)
            gate.set()
            await drain(tools)
            assert len(sent(tools.ledger)) == 1

    run(scenario)


def test_an_archive_that_cannot_be_written_stops_the_stage_and_loses_nothing(tmp_path):
    async def scenario():
        async with serving({"/1": html()}) as site, stage(tmp_path) as tools:
            (tmp_path / "archive").write_text("in the way")
            put(tools, entry(site.url("/1")))
            with pytest.raises(Abort, match="free space"):
                await run_pages(tools, asyncio.Event())
            (tmp_path / "archive").unlink()
            await drain(tools)
            assert len(sent(tools.ledger)) == 1

    run(scenario)


def test_a_fault_of_our_own_on_one_page_is_set_aside_with_its_traceback(tmp_path):
    class Faulty(Reader):
        async def run(self, job, items, before_alone=None):
            if any(b"FAULT" in getattr(item, "body", b"") for item in items):
                raise TypeError("a fault of our own")
            return await super().run(job, items, before_alone)

    async def scenario():
        answers = {"/1": html("A", "Good."), "/2": html("B", "FAULT"), "/3": html("C", "Good too.")}
        async with serving(answers) as site, stage(tmp_path, children=Faulty()) as tools:
            put(tools, *(entry(site.url(path)) for path in answers))
            await drain(tools)
            assert sorted(article.text for article in sent(tools.ledger)) == ["Good too.", "Good."]
            (kept,) = rejected.listing(tools.ledger, 9)
            assert kept.reason == "TypeError: a fault of our own"
            assert "Traceback" in kept.detail
            assert rejected.show(tools.ledger, kept.id).data == page("B", "FAULT")

    run(scenario)


def test_a_page_at_which_the_process_was_broken_off_too_often_is_no_longer_visited(tmp_path):
    async def scenario():
        async with serving({"/1": html()}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1"), summary="The feed's words."))
            with tools.ledger.begin() as tx:
                tx.execute(update(queue_table).values(state="leased", attempts=8))
            await drain(tools)
            assert "/1" not in site.paths
            assert [article.path for article in sent(tools.ledger)] == ["feed:summary"]

    run(scenario)


def test_no_more_pages_are_in_hand_than_set(tmp_path):
    async def scenario():
        flights, most = 0, 0

        async def slow(writer):
            nonlocal flights, most
            flights += 1
            most = max(most, flights)
            await asyncio.sleep(0.01)
            flights -= 1
            writer.write(html())

        settings = PageSettings(in_hand=3, look_again_seconds=0.02)
        fetching = FetchSettings(allow_loopback=True, loopback_parallel=50)
        answers = {f"/{n}": slow for n in range(15)}
        async with serving(answers) as site, stage(tmp_path, settings=settings, fetching=fetching) as tools:
            put(tools, *(entry(site.url(path)) for path in answers))
            await drain(tools)
            assert most <= 3
            assert len(sent(tools.ledger)) == 15

    run(scenario)


def test_a_worker_that_is_not_alone_leaves_what_another_holds(tmp_path):
    async def scenario():
        async with serving({"/1": html()}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1")))
            (held,) = take(tools.ledger, START, 1, 900)
            stop = asyncio.Event()
            running = asyncio.create_task(run_pages(replace(tools, sole=False), stop))
            await asyncio.sleep(0.3)
            assert [(row.state, row.attempts) for row in fetches(tools.ledger)] == [("leased", held.attempts)]
            assert site.paths == []
            stop.set()
            await running
            await drain(tools)  # alone: what is held is a dead process's
            assert [(row.state, row.attempts) for row in fetches(tools.ledger)] == [("done", 2)]

    run(scenario)


def test_a_page_whose_lease_ran_out_is_left_to_the_one_who_took_it_then(tmp_path):
    async def scenario():
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slow(writer):
            asked.set()
            await go_on.wait()
            writer.write(html())

        async with serving({"/1": slow}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1")))
            stop, counts = asyncio.Event(), Counter()
            running = asyncio.create_task(run_pages(replace(tools, sole=False), stop, progress=counts.update))
            await asked.wait()
            later = START + timedelta(seconds=901)
            assert release_expired(tools.ledger, later) == 1
            assert len(take(tools.ledger, later, 1, 900)) == 1
            go_on.set()
            async with asyncio.timeout(20):
                while not counts:
                    await asyncio.sleep(0.02)
            stop.set()
            await running
            assert counts["lost"] == 1
            assert (counts["done"], sent(tools.ledger)) == (0, [])
            assert [(row.state, row.attempts) for row in fetches(tools.ledger)] == [("leased", 2)]

    run(scenario)


def test_a_page_that_takes_long_is_held_for_longer(tmp_path):
    async def scenario():
        asked, go_on, time = asyncio.Event(), asyncio.Event(), Time()

        async def slow(writer):
            asked.set()
            await go_on.wait()
            writer.write(html())

        settings = PageSettings(look_again_seconds=0.02, queue=QueueSettings(lease_seconds=0.4))
        async with serving({"/1": slow}) as site, stage(tmp_path, time, settings=settings) as tools:
            put(tools, entry(site.url("/1")))
            stop = asyncio.Event()
            running = asyncio.create_task(run_pages(tools, stop))
            await asked.wait()
            (before,) = fetches(tools.ledger)
            time.pass_(seconds=0.3)
            async with asyncio.timeout(20):
                while fetches(tools.ledger)[0].lease == before.lease:
                    await asyncio.sleep(0.02)
            time.pass_(seconds=0.3)
            assert release_expired(tools.ledger, time()) == 0
            go_on.set()
            async with asyncio.timeout(20):
                while states(tools.ledger) != ["done"]:
                    await asyncio.sleep(0.02)
            stop.set()
            await running
            assert [row.attempts for row in fetches(tools.ledger)] == [1]

    run(scenario)
