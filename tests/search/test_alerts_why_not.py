from dataclasses import replace
from datetime import timedelta

import pytest
from building import NOON, told, topic
from sqlalchemy import insert, update

from enrich.stories.stage import StoriesStage
from ingest.clock import to_ms
from ingest.entry import Origin
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import articles, feeds, stories
from ingest.rejected import reject
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.alerts.why_not import Asking, why_not
from search.deliver import outbox
from search.query.parse import parse
from search.watch import Watch
from search.watches import WatchStore

URL = "https://news.example/a"
EASED = Watch(id="eased", name="Eased", query="topic:sanctions.eased", channels=("hook",))


class Desk:
    """A ledger in which articles come as the route brings them."""

    def __init__(self, ledger):
        self.ledger, self.indexed, self.now = ledger, {}, NOON
        self.watches = WatchStore(ledger, parse, clock=lambda: self.now)
        self.watches.put(EASED, by="Ana")

    def read(self, name="a", topics=(), **more):
        """The article has been read, and stands in a story."""
        article = told(name, topics=topics, text="They eased their sanctions.", **more).enriched
        row = {
            "id": name, "url": article.article.url, "revision": 1, "text_hash": "", "title": "", "feed": "f",
            "source": "s", "state": "live", "origin": str(article.article.origin), "path": "cut",
            "seen": to_ms(self.now), "changed": to_ms(self.now),
        }  # fmt: skip
        with self.ledger.begin() as transaction:
            transaction.execute(insert(articles.articles).values(row))
            return StoriesStage(self.ledger, clock=lambda: self.now).handle(transaction, [article])[0]

    def index(self, article):
        self.indexed[article.enriched.article.id] = article
        return article

    def watch(self, article):
        WatchStage(self.ledger, self.watches, Engine(), clock=lambda: self.now).handle([self.index(article)])

    def ask(self, url=URL, watch="eased"):
        asking = Asking(
            ledger=self.ledger, watches=self.watches, explain=Engine().explain, stored=self.indexed.get, clean=str.lower
        )
        return why_not(asking, url, watch)


@pytest.fixture
def desk(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield Desk(ledger)
    ledger.close()


def test_a_watch_or_an_address_that_nobody_knows(desk):
    assert desk.ask(watch="x").cause == "unknown-watch"
    assert desk.ask().cause == "unknown-article"


def test_a_page_that_waits_to_be_fetched(desk):
    row = {
        "id": "f", "entry": "e", "article": digest(URL), "url": URL, "host": "news.example", "reason": "new",
        "state": "waiting", "due": to_ms(NOON), "detail": "robots.txt is away", "record": b"", "at": to_ms(NOON),
    }  # fmt: skip
    with desk.ledger.begin() as transaction:
        transaction.execute(insert(feeds.fetches).values(row))
    answer = desk.ask()
    assert answer.cause == "in-flight"
    assert "robots.txt is away" in answer.said


def test_a_page_that_was_rejected_says_why(desk):
    with desk.ledger.begin() as transaction:
        reject(transaction, stage="extract", record="e", url=URL, reason="no text on the page", data=b"", at_ms=0)
    assert desk.ask().cause == "rejected"
    assert "no text on the page" in desk.ask().said


def test_an_article_that_rang(desk):
    desk.watch(desk.read(topics=[topic()]))
    with desk.ledger.begin() as transaction:
        transaction.execute(update(alert_tables.deliveries).values(state="sent"))
    assert (desk.ask().cause, desk.ask(URL.upper()).cause) == ("rang", "rang")
    assert "2026-03-02 12:00:00 UTC" in desk.ask().said


def test_an_article_known_by_another_address(desk):
    desk.watch(desk.read(topics=[topic()]))
    with desk.ledger.begin() as transaction:
        transaction.execute(insert(articles.aliases).values(url="https://amp.example/a", article="a", kind="canonical"))
    assert desk.ask("https://amp.example/a").article == "a"


def test_an_article_that_rang_while_deliveries_were_held(desk):
    outbox.hold(desk.ledger, by="Ana")
    desk.watch(desk.read(topics=[topic()]))
    assert desk.ask().cause == "held"
    assert "hook: held" in desk.ask().said


def test_an_article_that_was_too_old_to_ring(desk):
    desk.watch(desk.read(topics=[topic()], origin=Origin.FIRST_POLL))
    assert desk.ask().cause == "silent"
    assert "older than a day" in desk.ask().said


def test_an_article_that_only_added_to_an_alert(desk):
    first = desk.read(topics=[topic()])
    desk.watch(first)
    second = desk.read("b", topics=[topic()])
    with desk.ledger.begin() as transaction:
        transaction.execute(update(stories.members).values(story=first.story))
    desk.watch(replace(second, story=first.story))
    answer = desk.ask("https://news.example/b")
    assert answer.cause == "amended"
    assert "rang at" in answer.said


def test_an_article_that_does_not_say_it_shows_the_part_that_is_not_true(desk):
    desk.watch(desk.read(topics=[topic("sanctions.extended")]))
    answer = desk.ask()
    assert answer.cause == "false"
    assert not answer.why.true


def test_a_watch_that_was_off_or_made_later(desk):
    desk.watches.switch("eased", enabled=False, by="Ana")
    desk.watch(desk.read(topics=[topic()]))
    assert desk.ask().cause == "off"
    desk.now += timedelta(hours=1)
    desk.watches.switch("eased", enabled=True, by="Ana")
    assert desk.ask().cause == "later"


def test_an_article_that_is_not_yet_indexed_or_watched(desk):
    article = desk.read(topics=[topic()])
    assert desk.ask().cause == "in-flight"
    assert "not indexed" in desk.ask().said
    desk.index(article)
    assert "on its way to the watches" in desk.ask().said
