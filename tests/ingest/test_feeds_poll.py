"""One poll: what is asked, what is kept, what goes on the route."""

import asyncio
import gzip
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from feeds_kit import (
    Workers,
    change,
    entry_rows,
    hours,
    item,
    listed,
    poll_rows,
    polled,
    row,
    rss,
    seconds_to_next,
    sent,
    stage,
    titles,
)
from fetch_server import answer, redirect, serving
from pages_kit import START, Time

from ingest import rejected
from ingest.clock import to_ms
from ingest.entry import Origin
from ingest.feeds.collect import poll
from ingest.feeds.settings import FeedSettings
from ingest.feeds.subscribe import feed_id
from ingest.fetch import FetchSettings
from ingest.identity import digest


def xml(*items, **headers):
    return answer(rss(*items), content_type="application/rss+xml", **headers)


def scene(folder, play, answers=None, **rest):
    """Plays `play(site, tools, time, url)` with a site and the stage."""

    async def run():
        time = Time()
        async with serving(answers or {}) as site, stage(folder, time, **rest) as tools:
            await play(site, tools, time, site.url("/feed"))

    asyncio.run(run())


def test_a_poll_publishes_new_entries_once_with_what_the_feed_said(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(item(2, date=START - hours(1)), item(1, date=START - hours(2)), etag='"1"')
        assert await polled(tools, url) == "new"
        site.answers["/feed"] = xml(3, item(2, date=START - hours(1)), item(1, date=START - hours(2)))
        time.pass_(minutes=5)
        assert await polled(tools, url) == "new"
        time.pass_(minutes=5)
        assert await polled(tools, url) == "unchanged"
        assert titles(tools) == ["Title 1", "Title 2", "Title 3"]  # what came first goes first
        first = sent(tools)[0]
        assert (first.feed, first.source, first.url) == (feed_id(url), "The Outlet", "https://example.org/a/1")
        assert (first.seen, first.origin, first.id) == (
            START,
            Origin.LIVE,
            digest(feed_id(url), "https://example.org/a/1"),
        )
        found = row(tools, url)
        assert (found.entries, found.title, found.site, found.missed) == (3, "The Outlet", "https://example.org/", 0)
        assert entry_rows(tools)[0].article == digest("https://example.org/a/1")
        assert [(one.new, one.entries, one.status) for one in poll_rows(tools)] == [
            (2, 2, 200),
            (1, 3, 200),
            (0, 0, 200),
        ]

    scene(tmp_path, play)


def test_validators_are_sent_byte_for_byte_and_a_304_changes_nothing(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, etag='W/"a\\b, c"', last_modified="Sun, 1 Mar 26 11:00:00 CET")
        await polled(tools, url)
        assert site.header("if-none-match") is None
        site.answers["/feed"] = answer(status="304 Not Modified")
        time.pass_(minutes=5)
        assert await polled(tools, url) == "not-modified"
        assert site.header("if-none-match") == 'W/"a\\b, c"'
        assert site.header("if-modified-since") == "Sun, 1 Mar 26 11:00:00 CET"
        assert len(sent(tools)) == 1
        assert row(tools, url).failures == 0

    scene(tmp_path, play)


def test_a_feed_is_asked_in_full_once_a_day_and_a_304_that_hid_entries_is_never_believed_again(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, etag='"1"')
        await polled(tools, url)
        site.answers["/feed"] = answer(status="304 Not Modified", etag='"1"')
        for _ in range(3):
            time.pass_(hours=7)
            assert await polled(tools, url) == "not-modified"
        time.pass_(hours=4)
        site.answers["/feed"] = xml(2, 1, etag='"1"')  # the same version, other entries
        assert await polled(tools, url) == "new"
        assert site.header("if-none-match") is None
        assert row(tools, url).distrusted == to_ms(time())
        time.pass_(hours=1)
        await polled(tools, url)
        assert site.header("if-none-match") is None

    scene(tmp_path, play)


def test_a_304_is_found_wrong_by_the_dates_of_what_it_hid(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, etag='"1"')
        await polled(tools, url)
        site.answers["/feed"] = answer(status="304 Not Modified")
        time.pass_(hours=20)
        await polled(tools, url)
        time.pass_(hours=5)
        site.answers["/feed"] = xml(item(2, date=START + hours(10)), 1, etag='"2"')
        await polled(tools, url)
        assert row(tools, url).distrusted is not None

    scene(tmp_path, play)


def test_a_304_is_believed_where_what_is_new_is_newer(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, etag='"1"')
        await polled(tools, url)
        site.answers["/feed"] = answer(status="304 Not Modified")
        time.pass_(hours=23)
        await polled(tools, url)
        time.pass_(hours=2)
        site.answers["/feed"] = xml(item(2, date=time() - hours(1)), 1, etag='"2"')
        await polled(tools, url)
        assert row(tools, url).distrusted is None

    scene(tmp_path, play)


@pytest.mark.parametrize(
    "body",
    [
        rss(1, 2)[:-30],  # the end is missing
        rss(),  # short
        b"<html><title>Sorry</title></html>",
        b"",
        b"oops",
    ],
)
def test_validators_are_never_kept_from_what_is_short_or_cannot_be_read(tmp_path, body):
    async def play(site, tools, time, url):
        site.answers["/feed"] = answer(body, etag='"1"', last_modified="x")
        await polled(tools, url)
        found = row(tools, url)
        assert (found.etag, found.last_modified, found.body_hash) == ("", "", "")

    scene(tmp_path, play)


@pytest.mark.parametrize("broken", ["gzip", "length"])
def test_an_answer_that_breaks_off_on_the_way_is_truncated_and_nothing_of_it_is_kept(tmp_path, broken):
    async def play(site, tools, time, url):
        packed = gzip.compress(rss(*range(200)))
        if broken == "gzip":
            site.answers["/feed"] = answer(packed[:-20], content_encoding="gzip", etag='"1"')
        else:

            async def cut(writer):
                writer.write(answer(rss(1), content_length="5000", etag='"1"'))
                await writer.drain()

            site.answers["/feed"] = cut
        assert await polled(tools, url) == "truncated"
        found = row(tools, url)
        assert (found.etag, found.failures, found.last_success) == ("", 1, None)
        assert sent(tools) == []
        site.answers["/feed"] = xml(1)
        assert await polled(tools, url) == "new"
        assert row(tools, url).failures == 0

    scene(tmp_path, play)


def test_a_document_without_its_end_gives_what_is_whole_and_the_rest_comes_later(tmp_path):
    async def play(site, tools, time, url):
        body = rss(1, 2, 3)
        site.answers["/feed"] = answer(body[: body.index(b"Title 3")], etag='"1"')
        assert await polled(tools, url) == "new"
        assert "breaks off" in row(tools, url).detail
        site.answers["/feed"] = answer(body, etag='"1"')
        assert await polled(tools, url) == "new"
        assert titles(tools) == ["Title 2", "Title 1", "Title 3"]

    scene(tmp_path, play)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("404 Not Found", "not-found"),
        ("410 Gone", "gone"),
        ("403 Forbidden", "http-error"),
        ("500 Internal Server Error", "http-error"),
        ("304 Not Modified", "http-error"),
        ("503 Service Unavailable", "throttled"),
        ("429 Too Many Requests", "throttled"),
    ],
)
def test_each_status_has_its_word_and_is_a_failure(tmp_path, status, outcome):
    async def play(site, tools, time, url):
        site.answers["/feed"] = answer(status=status)
        assert await polled(tools, url) == outcome
        found = row(tools, url)
        assert (found.outcome, found.failures, found.last_success) == (outcome, 1, None)
        assert poll_rows(tools)[0].status == int(status[:3])

    scene(tmp_path, play)


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("http://10.0.0.1/feed", "refused"),
        ("ftp://example.org/feed", "refused"),
        ("http://", "refused"),
        ("http://127.0.0.1:9/feed", "unreachable"),
    ],
)
def test_what_cannot_be_asked_has_its_word(tmp_path, url, outcome):
    async def play(site, tools, time, _):
        assert await polled(tools, url) == outcome
        assert row(tools, url).detail

    scene(tmp_path, play)


def test_a_server_that_asks_for_time_gets_it(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = answer(status="503 Service Unavailable", retry_after="7200")
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 7_200
        site.answers["/feed"] = answer(status="429 Too Many Requests", retry_after="Sun, 01 Mar 2026 22:00:00 GMT")
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 36_000

    scene(tmp_path, play)


def test_after_failures_a_feed_is_polled_more_rarely_and_at_once_as_before_when_it_is_back(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = answer(status="500 Internal Server Error")
        listed(tools, url)
        change(tools, url, interval_seconds=1_000.0, first_poll=to_ms(START))
        waits = []
        for _ in range(9):
            await polled(tools, url)
            waits.append(seconds_to_next(tools, url))
        assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 86_400, 86_400]
        site.answers["/feed"] = answer(status="410 Gone")
        change(tools, url, failures=0)
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 6 * 3_600
        site.answers["/feed"] = xml(1)
        await polled(tools, url)
        assert seconds_to_next(tools, url) == pytest.approx(800)

    scene(tmp_path, play, allow_loopback=False)


def test_a_first_poll_and_the_floors_of_feed_and_answer(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(*range(50))
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 900  # a backlog says nothing of how often entries come
        site.answers["/feed"] = xml(99, *range(50), cache_control="public, max-age=4000")
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 4_000
        site.answers["/feed"] = answer(rss(98, 99, *range(50), head="<ttl>90</ttl>"))
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 5_400
        change(tools, url, wanted_seconds=600.0)
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 600  # the operator says so

    scene(tmp_path, play, allow_loopback=False)


def test_a_server_of_this_machine_is_polled_after_seconds_where_it_is_allowed(tmp_path):
    async def play(site, tools, time, url):
        site.answers["/feed"] = xml(1, cache_control="max-age=4000")
        await polled(tools, url)
        assert seconds_to_next(tools, url) == 2

    scene(tmp_path, play)


def test_an_address_changes_after_three_permanent_redirects_over_a_day(tmp_path):
    async def play(site, tools, time, url):
        new = site.url("/new")
        site.answers |= {"/feed": redirect(new, "301 Moved Permanently"), "/new": xml(1)}
        for passed in (1, 12, 10):
            assert await polled(tools, url) in ("new", "unchanged")
            time.pass_(hours=passed)
        assert row(tools, url).url == url
        assert row(tools, url).moved_times == 3
        time.pass_(hours=2)
        assert await polled(tools, url) == "moved"
        found = row(tools, url)
        assert (found.url, found.url_given, found.moved_to, found.moved_since) == (new, url, "", None)
        assert "has moved" in found.detail
        await polled(tools, url)
        assert site.paths[-1] == "/new"
        assert len(sent(tools)) == 1

    scene(tmp_path, play)


@pytest.mark.parametrize(
    "others",
    [
        {"/feed": redirect("/other", "301 Moved Permanently")},  # it goes somewhere else
        {"/feed": redirect("/new", "302 Found")},  # it is for now
        {"/feed": xml(1)},  # it is back
    ],
)
def test_a_redirect_that_is_not_said_again_begins_anew(tmp_path, others):
    async def play(site, tools, time, url):
        site.answers |= {"/feed": redirect("/new", "308 Permanent Redirect"), "/new": xml(1), "/other": xml(1)}
        await polled(tools, url)
        await polled(tools, url)
        time.pass_(hours=30)
        kept = dict(site.answers)
        site.answers |= others
        await polled(tools, url)
        site.answers |= kept
        await polled(tools, url)
        assert row(tools, url).url == url
        assert row(tools, url).moved_times == 1

    scene(tmp_path, play)


def test_a_permanent_redirect_before_one_for_now_keeps_the_permanent_part(tmp_path):
    async def play(site, tools, time, url):
        site.answers |= {"/feed": redirect("/b", "301 Moved"), "/b": redirect("/c", "302 Found"), "/c": xml(1)}
        await polled(tools, url)
        assert row(tools, url).moved_to == site.url("/b")

    scene(tmp_path, play)


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
