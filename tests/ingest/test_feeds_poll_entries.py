"""One poll: what is kept of its entries, set aside or counted, and what a fault undoes."""

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from feeds_kit import (
    Workers,
    entry_rows,
    hours,
    item,
    listed,
    poll_rows,
    polled,
    row,
    rss,
    sent,
    titles,
)
from fetch_server import answer
from pages_kit import START
from poll_kit import scene, xml

from ingest import rejected
from ingest.clock import to_ms
from ingest.entry import Origin
from ingest.feeds.collect import poll
from ingest.feeds.settings import FeedSettings
from ingest.feeds.subscribe import feed_id
from ingest.fetch import FetchSettings
from ingest.identity import digest


def test_a_body_that_is_no_feed_is_set_aside_until_it_is_one_again(tmp_path):
    async def play(site, tools, time, url):
        page = b"<!doctype html><title>Maintenance</title>"
        site.answers["/feed"] = answer(page, content_type="text/html")
        assert await polled(tools, url) == "not-a-feed"
        await polled(tools, url)
        (kept,) = rejected.listing(tools.ledger, 9)
        assert (kept.stage, kept.record, kept.feed, kept.times) == ("collect", feed_id(url), feed_id(url), 2)
        assert "Maintenance" in kept.reason
        assert rejected.show(tools.ledger, kept.id).data == page
        rejected.retry(tools.ledger, kept.id, time())
        assert row(tools, url).next_poll == to_ms(time())
        site.answers["/feed"] = xml(1)
        await polled(tools, url)
        assert rejected.show(tools.ledger, kept.id).state == "resolved"

    scene(tmp_path, play)


def test_a_bad_item_is_set_aside_under_a_record_of_its_own_and_closed_when_it_is_mended(tmp_path):
    async def play(site, tools, time, url):
        bad = item(2, link="", guid="g2")
        site.answers["/feed"] = xml(1, bad)
        assert await polled(tools, url) == "new"
        (kept,) = rejected.listing(tools.ledger, 9)
        assert kept.record == digest(feed_id(url), "g2")
        assert rejected.show(tools.ledger, kept.id).data == bad.encode()
        assert poll_rows(tools)[0].failed == 1
        site.answers["/feed"] = xml(1, item(2, guid="g2"))
        await polled(tools, url)
        assert rejected.show(tools.ledger, kept.id).state == "resolved"

    scene(tmp_path, play)


def test_a_retry_reads_the_same_bytes_again(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, item(2, link="", guid="g2"), etag='"1"')
        await polled(tools, url)
        assert await polled(tools, url) == "unchanged"
        (kept,) = rejected.listing(tools.ledger, 9)
        rejected.retry(tools.ledger, kept.id, time())
        assert await polled(tools, url) == "nothing-new"
        assert site.header("if-none-match") is None
        assert rejected.show(tools.ledger, kept.id).state == "open"

    scene(tmp_path, play)


def test_an_edit_is_published_again_under_its_id_and_where_it_comes_from_stays(tmp_path):
    async def play(site, tools, time, url):
        old = START - hours(48)
        site.answers["/feed"] = xml(item(1, guid="g", date=old))
        await polled(tools, url)
        site.answers["/feed"] = xml(item(1, guid="g", date=old, title="Corrected", link="https://example.org/b"))
        time.pass_(hours=1)
        assert await polled(tools, url) == "new"
        first, second = sent(tools)
        assert first.id == second.id
        assert (first.title, second.title) == ("Title 1", "Corrected")
        assert (second.origin, second.seen) == (Origin.FIRST_POLL, time())
        assert poll_rows(tools)[-1].changed == 1
        assert row(tools, url).entries == 1
        assert [one.link for one in entry_rows(tools)] == ["https://example.org/b"]

    scene(tmp_path, play)


def test_what_is_old_at_a_first_poll_is_a_backlog_and_later_it_is_live(tmp_path):
    async def play(site, tools, time, url):
        old, fresh = START - hours(25), START - hours(23)
        site.answers["/feed"] = xml(item(1, date=old), item(2, date=fresh), 3)
        await polled(tools, url)
        site.answers["/feed"] = xml(item(1, date=old), item(4, date=old))
        await polled(tools, url)
        assert {entry.title: entry.origin for entry in sent(tools)} == {
            "Title 1": Origin.FIRST_POLL,
            "Title 2": Origin.LIVE,
            "Title 3": Origin.LIVE,
            "Title 4": Origin.LIVE,
        }

    scene(tmp_path, play)


def test_a_first_poll_that_shows_nothing_is_none(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml()
        assert await polled(tools, url) == "no-entries"
        site.answers["/feed"] = xml(item(1, date=START - hours(25)))
        assert await polled(tools, url) == "new"
        assert [entry.origin for entry in sent(tools)] == [Origin.FIRST_POLL]
        assert row(tools, url).missed == 0

    scene(tmp_path, play)


def test_two_feeds_that_carry_one_article_tell_it_as_one(tmp_path):
    async def play(site, tools, time, url):
        site.answers |= {
            "/feed": xml(item(1, link="https://example.org/a?utm_source=one")),
            "/other": xml(item(1, link="https://example.org/a?utm_source=two#top")),
        }
        await polled(tools, url)
        await polled(tools, site.url("/other"))
        one, other = sent(tools)
        assert one.id != other.id
        assert one.url == other.url
        assert len({found.article for found in entry_rows(tools)}) == 1

    scene(tmp_path, play)


def test_entries_that_were_missed_between_two_polls_are_counted_and_the_feed_is_polled_sooner(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, 2)
        await polled(tools, url)
        site.answers["/feed"] = xml(2, 3)
        await polled(tools, url)
        assert row(tools, url).missed == 0
        before = row(tools, url).interval_seconds
        site.answers["/feed"] = xml(8)
        await polled(tools, url)
        assert row(tools, url).missed == 1
        assert row(tools, url).interval_seconds <= before / 2

    scene(tmp_path, play, allow_loopback=False, settings=FeedSettings(first_interval_seconds=10_000))


def test_entries_over_the_limit_are_counted_and_shown(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(*range(5))
        await polled(tools, url)
        assert len(sent(tools)) == 3
        assert row(tools, url).capped == poll_rows(tools)[0].capped == 2

    scene(tmp_path, play, settings=FeedSettings(entries_limit=3))


def test_what_a_list_says_of_a_feed_stands_above_what_the_feed_says(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = answer(rss(1, head="<language>en</language>"))
        listed(tools, url, title="Named by us", language="be")
        await polled(tools, url)
        (entry,) = sent(tools)
        assert (entry.source, entry.language) == ("Named by us", "en")
        assert (row(tools, url).title, row(tools, url).language) == ("Named by us", "be")

    scene(tmp_path, play)


def test_a_feed_over_its_limit_is_too_large_and_one_below_is_read(tmp_path):
    async def play(site, tools, time, url):
        filler = f"<description>{'x' * 5_000}</description>"
        site.answers["/feed"] = answer(rss(*(item(n, extra=filler) for n in range(210))))
        assert await polled(tools, url) == "too-large"
        site.answers["/feed"] = answer(rss(*(item(n, extra=filler) for n in range(190))))
        assert await polled(tools, url) == "new"
        assert len(sent(tools)) == row(tools, url).entries == 190

    scene(tmp_path, play, fetching=FetchSettings(allow_loopback=True, feed_limit_bytes=1_000_000))


def test_a_body_in_an_encoding_that_it_does_not_have_has_its_word(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = answer(rss(1), content_encoding="gzip")
        assert await polled(tools, url) == "bad-encoding"

    scene(tmp_path, play)


def test_a_reader_that_fails_leaves_the_body_for_people(tmp_path):
    class Failing(Workers):
        async def run(self, job, items, before_alone=None):
            return await super().run("no such job", items)

    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1)
        assert await polled(tools, url) == "failed"
        (kept,) = rejected.listing(tools.ledger, 9)
        assert "KeyError" in kept.reason
        assert rejected.show(tools.ledger, kept.id).data == rss(1)

    scene(tmp_path, play, children=Failing())


CRASH = """
    import asyncio, os, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    from feeds_kit import Done, row, stage
    from ingest.feeds import parse_feed
    from ingest.feeds.collect import poll

    class InThisProcess:  # a pool would outlive the kill
        async def run(self, job, items, before_alone=None):
            return [Done(parse_feed(item)) for item in items]

    def send(tx, topic, records):
        assert len(records) == 2
        os.kill(os.getpid(), signal.SIGKILL)

    async def main():
        async with stage(Path(sys.argv[1]), children=InThisProcess(), send=send) as tools:
            await poll(row(tools, sys.argv[2]), tools)

    asyncio.run(main())
"""


@pytest.mark.file
def test_a_kill_between_fetch_and_commit_loses_nothing(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, 2, etag='"1"')
        listed(tools, url)
        tests = str(Path(__file__).parents[1])
        command = [sys.executable, "-c", textwrap.dedent(CRASH), str(tmp_path), url, tests]
        ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert ended.returncode == -9, ended.stderr
        assert site.paths == ["/feed"]
        assert row(tools, url).etag == row(tools, url).outcome == ""
        assert entry_rows(tools) == poll_rows(tools) == []
        assert await polled(tools, url) == "new"
        assert site.header("if-none-match") is None
        assert titles(tools) == ["Title 2", "Title 1"]

    scene(tmp_path, play)


def test_a_send_that_fails_undoes_the_whole_poll(tmp_path):
    def send(tx, topic, records):
        raise RuntimeError("the stream is away")

    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, etag='"1"')
        with pytest.raises(RuntimeError):
            await polled(tools, url)
        assert row(tools, url).etag == ""
        assert entry_rows(tools) == []

    scene(tmp_path, play, send=send)


def test_a_feed_that_changes_its_list_while_it_is_polled_keeps_both_changes(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1)
        listed(tools, url)
        before = row(tools, url)
        listed(tools, url, title="Renamed meanwhile")
        await poll(before, tools)
        assert row(tools, url).title == "Renamed meanwhile"
        assert row(tools, url).entries == 1

    scene(tmp_path, play)
