"""The demo's newsroom as it stands after three days: articles enriched and told, alerts, polls and rejected records."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from names_kit import names_cache
from sqlalchemy import insert, select

from enrich.article import ToldArticle
from enrich.enricher import Enricher
from enrich.stories.offline import group
from flows.demo.stock import stock
from ingest import wire
from ingest.article import Article, Credit
from ingest.clock import to_ms
from ingest.entry import Origin, Stamp
from ingest.feeds.outcome import Outcome
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import feeds as feed_tables
from ingest.rejected import reject
from search.alert import Alert
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.query.parse import parse
from search.watches import WatchStore, read_watches

DAYS = 3
LATE = timedelta(hours=2)  # an article of the back-fill is as old as that


@dataclass
class Room:
    now: datetime
    told: list[ToldArticle] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    polls: list[dict] = field(default_factory=list)  # rows, with `feed_url` and `silent`
    rejected: list[dict] = field(default_factory=list)

    @property
    def events(self):
        """(article, topic) of every event told."""
        return [(one, topic) for one in self.told for topic in one.enriched.topics]

    def articles(self, *slugs):
        """The ids of the articles at "outlet/slug"."""
        return {one.enriched.article.id for one in self.told if path(one) in slugs}


def path(told):
    """ "outlet/slug" of an article."""
    return told.enriched.article.url.removeprefix("https://demo.example/").removesuffix(".html")


def furnish(ledger: Ledger, now: datetime) -> Room:
    """The newsroom, with alerts, polls and rejected records in the ledger."""
    room = Room(now=now)
    room.told = _told(now)
    _ring(ledger, room)
    _poll(ledger, room)
    _set_aside(ledger, room)
    return room


def _told(now):
    enricher = Enricher.load(names_cache())
    stocked = stock()
    read = []
    for number, one in enumerate(stocked):
        day = number * DAYS // len(stocked)
        late = day == 0 and number % 5 == 4
        seen = now - timedelta(days=DAYS - 1 - day) + timedelta(milliseconds=number)
        article = Article(
            id=f"demo{number:02}", revision=1, url=f"https://demo.example{one.path}", feed=one.outlet.id,
            source=one.outlet.name, title=one.title, text=one.text, language=one.outlet.language, path="cut",
            origin=Origin.BACKFILL if late else Origin.LIVE, seen=seen,
            published=Stamp(value=seen - LATE, source="feed:published", raw=""),
            authors=(Credit(name=one.author, source="byline"),) if one.author else (),
        )  # fmt: skip
        read.append(enricher.enrich(article))
    placed = {assigned.article: assigned for assigned in group(read)}
    return [
        ToldArticle(enriched=one, story=placed[one.article.id].story, copy_of=placed[one.article.id].copy_of)
        for one in read
    ]


def _ring(ledger, room):
    """Every day's articles ring on that day."""
    today = [room.now]
    watches = WatchStore(ledger, parse, clock=lambda: today[0])
    text = (files("flows.demo") / "watches.toml").read_text(encoding="utf-8")
    for watch in read_watches(text, "watches.toml", parse):
        watches.put(watch, by="test")
    stage = WatchStage(ledger, watches, Engine(), clock=lambda: today[0])
    for one in room.told:
        today[0] = one.enriched.article.seen
        stage.handle([one])
    with ledger.read() as connection:
        rows = connection.execute(select(alert_tables.alerts.c.body)).scalars()
        room.alerts = [wire.decode(body, Alert) for body in rows]


def _poll(ledger, room):
    """Every outcome once over three feeds, one of them long without anything new."""
    feeds = {
        "fresh": ("https://fresh.example/feed", room.now - timedelta(hours=1)),
        "nameless": ("https://nameless.example/feed", room.now - timedelta(hours=2)),
        "silent": ("https://silent.example/feed", room.now - timedelta(days=40)),
    }
    with ledger.begin() as transaction:
        for name, (url, last_new) in feeds.items():
            row = {"id": name, "url_given": url, "url": url, "title": "" if name == "nameless" else name.title()}
            times = {"added": 0, "next_poll": to_ms(room.now), "interval_seconds": 900.0, "last_new": to_ms(last_new)}
            row |= {**times, "gap_seconds": 3600.0, "failures": 4 if name == "nameless" else 0}
            transaction.execute(insert(feed_tables.feeds).values(row))
        for number, outcome in enumerate(Outcome):
            name = list(feeds)[number % len(feeds)]
            poll = {
                "feed": name, "at": to_ms(room.now - timedelta(hours=number)), "outcome": str(outcome), "status": 200,
                "entries": 20, "new": number % 5, "capped": 7 if number == 3 else 0, "cut": 2 if number == 4 else 0,
                "failed": 1 if number in (4, 8) else 0, "bytes": 1000, "seconds": 0.25 * (number + 1), "detail": "said",
            }  # fmt: skip
            transaction.execute(insert(feed_tables.polls).values(poll))
            more = {"feed_url": feeds[name][0], "silent": name == "silent", "failures": 4 if name == "nameless" else 0}
            room.polls.append({**poll, **more})


def _set_aside(ledger, room):
    with ledger.begin() as transaction:
        for number in range(5):
            stage, reason = ("extract", "no text was found") if number < 3 else ("collect", "the feed cannot be read")
            row = {"stage": stage, "record": f"r{number}", "feed": "fresh", "url": f"https://demo.example/{number}"}
            row |= {"reason": reason, "kind": "text/html", "data": b"<html>", "at_ms": to_ms(room.now)}
            for _ in range(1 + (number == 0)):
                name = reject(transaction, **row)
            room.rejected.append({"id": name, "stage": stage, "reason": reason, "times": 1 + (number == 0)})


def moment():
    """Now, in whole milliseconds."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
