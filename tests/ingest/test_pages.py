"""Pages become articles; one that cannot be had or read is kept with its reason."""

from collections import Counter
from datetime import timedelta

import pytest
from fetch_server import answer, redirect, serving
from pages_kit import START, Time, again, article_rows, drain, entry, fetches, page, put, sent, stage, states
from pages_scene_kit import html, run
from sqlalchemy import select

from ingest import rejected
from ingest.clock import to_ms
from ingest.fetch import FetchSettings
from ingest.identity import digest
from ingest.ledger.tables.articles import aliases


def test_a_page_becomes_an_article_with_its_bytes_archived(tmp_path):
    async def scenario():
        async with serving({"/1": html("Head", "Body text.")}) as site, stage(tmp_path) as tools:
            told = entry(site.url("/1"), author="Jo Doe")
            put(tools, told)
            await drain(tools)
            (article,) = sent(tools.ledger)
            assert (article.id, article.revision) == (digest(told.url), 1)
            assert (article.title, article.text, article.path) == ("Head", "Body text.", "cut")
            assert [credit.name for credit in article.authors] == ["Jo Doe"]
            assert article.seen == told.seen
            assert tools.archive.read(article.archive)[1] == page("Head", "Body text.")
            assert states(tools.ledger) == ["done"]

    run(scenario)


def test_many_pages_of_many_hosts_are_all_published_once(tmp_path):
    async def scenario():
        answers = {f"/{number}": html(f"T{number}", f"Text {number}.") for number in range(120)}
        async with serving(answers) as one, serving(answers, host="127.0.0.2") as two, stage(tmp_path) as tools:
            urls = [one.url(path) for path in answers] + [two.url(path, host="127.0.0.2") for path in answers]
            put(tools, *(entry(url) for url in urls))
            counts = Counter()
            await drain(tools, counts.update)
            assert sorted(article.url for article in sent(tools.ledger)) == sorted(urls)
            assert counts["done"] == 240
            assert max(tools.children.messages) > 1
            assert len(one.paths) == 121  # and robots.txt

    run(scenario)


def test_the_same_text_again_is_no_new_revision_and_a_changed_one_is(tmp_path):
    async def scenario():
        async with serving({"/1": html(text="One.")}) as site, stage(tmp_path) as tools:
            told = entry(site.url("/1"))
            put(tools, told)
            await drain(tools)
            put(tools, again(told, summary="edited", seen=START + timedelta(hours=1)))
            await drain(tools)
            site.answers["/1"] = html(text="Two.")
            put(tools, again(told, summary="edited again", seen=START + timedelta(hours=2)))
            await drain(tools)
            assert [(article.revision, article.text) for article in sent(tools.ledger)] == [(1, "One."), (2, "Two.")]
            assert sent(tools.ledger)[1].seen == START + timedelta(hours=2)
            assert states(tools.ledger) == ["done", "unchanged", "done"]
            assert article_rows(tools.ledger)[0].revision == 2

    run(scenario)


def test_two_links_that_lead_to_one_page_are_one_article(tmp_path):
    async def scenario():
        answers = {"/short": redirect("/long"), "/long": html()}
        async with serving(answers) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/long")))
            await drain(tools)
            put(tools, entry(site.url("/short")))
            await drain(tools)
            (article,) = sent(tools.ledger)
            assert sorted(states(tools.ledger)) == ["done", "same"]
            with tools.ledger.read() as connection:
                found = {row.url: row.article for row in connection.execute(select(aliases.c.url, aliases.c.article))}
            assert found == {site.url("/long"): article.id, site.url("/short"): article.id}

    run(scenario)


def test_a_canonical_address_joins_pages_of_one_text_also_within_one_batch(tmp_path):
    async def scenario():
        async with serving() as site, stage(tmp_path) as tools:
            for path in ("/a?ref=1", "/a?ref=2"):
                site.answers[path] = html(canonical=site.url("/a"))
                put(tools, entry(site.url(path)))
            await drain(tools)
            (article,) = sent(tools.ledger)
            assert article.aliases == (site.url("/a"),)
            assert sorted(states(tools.ledger)) == ["done", "same"]

    run(scenario)


def test_a_site_that_names_one_canonical_address_for_all_its_pages_loses_none(tmp_path):
    async def scenario():
        async with serving() as site, stage(tmp_path) as tools:
            for number in range(4):
                home = site.url("/news" if number % 2 else "/")
                site.answers[f"/{number}"] = html(f"T{number}", f"Text {number}.", canonical=home)
            put(tools, *(entry(site.url(f"/{number}")) for number in range(4)))
            await drain(tools)
            assert sorted(article.text for article in sent(tools.ledger)) == [f"Text {n}." for n in range(4)]

    run(scenario)


def test_a_canonical_address_on_another_host_is_a_claim_and_no_identity(tmp_path):
    async def scenario():
        async with serving() as site, stage(tmp_path) as tools:
            for number in range(2):
                site.answers[f"/{number}"] = html(canonical="https://agency.example/wire")
            put(tools, *(entry(site.url(f"/{number}")) for number in range(2)))
            await drain(tools)
            assert [article.copy_at for article in sent(tools.ledger)] == ["https://agency.example/wire"] * 2

    run(scenario)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answer(status="404 Not Found"), "404"),
        (answer(status="403 Forbidden"), "403"),
        (answer(b"%PDF", content_type="application/pdf"), "not a page"),
        (answer(b"  ", content_type="text/html"), "empty"),
        (redirect("ftp://elsewhere.example/"), "only http and https"),
        (html(text=""), "no text"),
    ],
)
def test_where_a_page_cannot_be_had_the_entry_speaks_or_is_rejected_with_the_reason(tmp_path, given, reason):
    async def scenario():
        async with serving({"/1": given, "/2": given}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1"), content="What the feed says."), entry(site.url("/2")))
            await drain(tools)
            (article,) = sent(tools.ledger)
            assert (article.text, article.path) == ("What the feed says.", "feed:content")
            assert sorted(states(tools.ledger)) == ["done", "rejected"]
            (kept,) = rejected.listing(tools.ledger, 9)
            assert reason in kept.reason
            assert kept.url == site.url("/2")
            assert rejected.show(tools.ledger, kept.id).data

    run(scenario)


def test_robots_rules_are_kept(tmp_path):
    async def scenario():
        rules = answer(b"User-agent: *\nDisallow: /private")
        async with serving({"/robots.txt": rules, "/private/1": html()}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/private/1")))
            await drain(tools)
            assert site.paths == ["/robots.txt"]
            assert "robots.txt" in rejected.listing(tools.ledger, 9)[0].reason

    run(scenario)


def test_an_address_that_the_guard_refuses_is_never_asked(tmp_path):
    async def scenario():
        async with serving({"/1": html()}) as site, stage(tmp_path, fetching=FetchSettings()) as tools:
            put(tools, entry(site.url("/1")), entry("http://[bad/"), entry(""))
            await drain(tools)
            assert site.connections == 0
            assert states(tools.ledger) == ["rejected"] * 3

    run(scenario)


def test_a_server_that_asks_for_time_gets_it_and_is_asked_again(tmp_path):
    async def scenario():
        time = Time()
        busy = answer(status="503 Busy", retry_after="600")
        async with serving({"/1": busy}) as site, stage(tmp_path, time) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            (row,) = fetches(tools.ledger)
            assert (row.state, row.attempts, row.due) == ("waiting", 1, to_ms(START + timedelta(seconds=600)))
            assert "503" in row.detail
            site.answers["/1"] = html()
            time.pass_(seconds=600)
            await drain(tools)
            assert len(sent(tools.ledger)) == 1

    run(scenario)


def test_a_server_that_never_comes_back_is_given_up_after_eight_attempts(tmp_path):
    async def scenario():
        time = Time()
        async with serving({"/1": answer(status="500 Oops")}) as site, stage(tmp_path, time) as tools:
            put(tools, entry(site.url("/1")))
            for _ in range(10):
                await drain(tools)
                time.pass_(hours=12)
            assert site.paths.count("/1") == 8
            assert "500 (Internal Server Error), 8 times" in rejected.listing(tools.ledger, 9)[0].reason

    run(scenario)


def test_a_page_that_kills_its_reader_is_rejected_with_its_bytes_and_its_neighbours_live(tmp_path):
    async def scenario():
        answers = {f"/{number}": html(f"T{number}", f"Text {number}.") for number in range(7)}
        async with serving({**answers, "/bad": html("Bad", "DEADLY")}) as site, stage(tmp_path) as tools:
            put(tools, *(entry(site.url(path)) for path in (*answers, "/bad")))
            await drain(tools)
            assert len(sent(tools.ledger)) == 7
            (kept,) = rejected.listing(tools.ledger, 9)
            assert "ended 3 processes" in kept.reason
            assert rejected.show(tools.ledger, kept.id).data == page("Bad", "DEADLY")
            assert [row.deaths for row in fetches(tools.ledger) if row.state == "rejected"] == [3]
            assert [row.deaths for row in fetches(tools.ledger) if row.state == "done"] == [0] * 7

    run(scenario)


def test_a_page_that_kills_its_reader_leaves_the_words_of_its_feed(tmp_path):
    async def scenario():
        async with serving({"/bad": html("Bad", "DEADLY")}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/bad"), summary="What the feed says."))
            await drain(tools)
            assert [article.path for article in sent(tools.ledger)] == ["feed:summary"]
            assert rejected.count(tools.ledger) == 1

    run(scenario)


def test_a_page_on_which_reading_fails_is_kept_and_read_after_a_retry(tmp_path):
    async def scenario():
        async with serving({"/1": html("T", "RAISE")}) as site, stage(tmp_path) as tools:
            put(tools, entry(site.url("/1")))
            await drain(tools)
            (kept,) = rejected.listing(tools.ledger, 9)
            assert "cannot read this" in kept.reason
            assert kept.detail.startswith("Traceback")
            site.answers["/1"] = html("T", "Now it reads.")
            rejected.retry(tools.ledger, kept.id, tools.now())
            await drain(tools)
            assert [article.text for article in sent(tools.ledger)] == ["Now it reads."]
            assert rejected.show(tools.ledger, kept.id).state == "resolved"

    run(scenario)


def test_an_entry_that_stood_back_gets_its_turn_when_the_other_fails(tmp_path):
    async def scenario():
        async with serving() as site, stage(tmp_path) as tools:
            url = site.url("/gone")
            put(tools, entry(url, feed="a"), entry(url, feed="b", content="<p>Only this feed has the text.</p>"))
            await drain(tools)
            assert [article.feed for article in sent(tools.ledger)] == ["b"]
            assert sorted(states(tools.ledger)) == ["done", "rejected"]

    run(scenario)


def test_what_a_page_said_is_not_replaced_by_a_summary_when_the_page_goes(tmp_path):
    async def scenario():
        async with serving({"/1": html(text="The whole text.")}) as site, stage(tmp_path) as tools:
            told = entry(site.url("/1"))
            put(tools, told)
            await drain(tools)
            del site.answers["/1"]
            put(tools, again(told, summary="Short."))
            await drain(tools)
            assert [article.text for article in sent(tools.ledger)] == ["The whole text."]
            assert states(tools.ledger).count("unchanged") == 1

    run(scenario)
