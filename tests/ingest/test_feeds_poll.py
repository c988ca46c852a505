"""One poll: what is asked, when it is asked again, and what the answer is called."""

import gzip

import pytest
from feeds_kit import (
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
    titles,
)
from fetch_server import answer, redirect
from pages_kit import START
from poll_kit import scene, xml

from ingest.clock import to_ms
from ingest.entry import Origin
from ingest.feeds.subscribe import feed_id
from ingest.identity import digest


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
