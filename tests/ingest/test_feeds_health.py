"""How feeds are, for people."""

import asyncio
from datetime import timedelta

from feeds_kit import change, listed, polled, rss, stage
from fetch_server import answer, serving
from pages_kit import START, Time

from ingest.clock import to_ms
from ingest.feeds.health import FeedHealth, health
from ingest.feeds.outcome import GOOD, SENTENCES, Outcome, sentence
from ingest.fetch import errors

DAY = timedelta(days=1)


def test_every_outcome_and_every_error_of_the_fetcher_has_a_sentence():
    assert set(SENTENCES) == set(Outcome)
    kinds = [kind.outcome for kind in vars(errors).values() if getattr(kind, "outcome", None)]
    assert len(kinds) == 7
    assert all(Outcome(kind) not in GOOD for kind in kinds)
    assert all(sentence(outcome)[-1] in ".?" for outcome in Outcome)
    assert (
        sentence("http-error", "the server answers 500") == "The server answers with an error (the server answers 500)."
    )
    assert sentence("") == "It was not polled yet."


def test_feeds_in_trouble_come_first_and_each_says_what_came_of_its_last_poll(tmp_path):
    async def scenario():
        time = Time()
        answers = {
            "/good": answer(rss(1, title="Good")),
            "/quiet": answer(rss(2, title="Quiet")),
            "/bad": answer(b"<html>"),
        }
        async with serving(answers) as site, stage(tmp_path, time) as tools:
            for path in ("/good", "/quiet", "/bad"):
                await polled(tools, site.url(path))
            listed(tools, "http://new.example/", "http://left.example/", list_name="l")
            listed(tools, "http://new.example/", list_name="l", tags=("a", "b"))
            change(tools, site.url("/quiet"), gap_seconds=3_600.0, last_new=to_ms(START - 2 * DAY))
            bad, quiet, *others = health(tools.ledger, time(), 10)
            assert (bad.url, bad.failures, bad.outcome) == (site.url("/bad"), 1, "not-a-feed")
            assert bad.sentence.startswith("What the server answers is no feed (")
            assert (quiet.title, quiet.silent, quiet.failures) == ("Quiet", True, 0)
            assert {feed.title for feed in others} == {"Good", "http://new.example/"}
            good = next(feed for feed in others if feed.title == "Good")
            assert (good.silent, good.entries, good.sentence) == (False, 1, "New entries came.")
            assert good.last_poll == good.last_success == good.last_new == START
            assert good.next_poll > START
            new = next(feed for feed in others if feed.url == "http://new.example/")
            assert (new.last_poll, new.sentence, new.tags) == (None, "It was not polled yet.", ("a", "b"))
            assert len(health(tools.ledger, time(), 2)) == 2
            assert isinstance(bad, FeedHealth)

    asyncio.run(scenario())


def test_a_feed_is_silent_when_nothing_was_new_for_much_longer_than_usual(tmp_path):
    async def scenario():
        time = Time()
        async with serving({"/feed": answer(rss(1))}) as site, stage(tmp_path, time) as tools:
            url = site.url("/feed")
            await polled(tools, url)
            for number in range(2, 12):
                time.pass_(hours=6)
                site.answers["/feed"] = answer(rss(number, number - 1))
                await polled(tools, url)
            (feed,) = health(tools.ledger, time(), 9)
            assert not feed.silent
            (feed,) = health(tools.ledger, time() + timedelta(hours=29), 9)
            assert not feed.silent
            (feed,) = health(tools.ledger, time() + timedelta(hours=31), 9)
            assert feed.silent

    asyncio.run(scenario())
