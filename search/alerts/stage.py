"""[told] -> alert events and deliveries, in one ledger transaction a batch."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from enrich.article import ToldArticle
from enrich.stories.stage import kept_story
from ingest.article import Article
from ingest.clock import Clock, now
from ingest.entry import Origin
from ingest.ledger import Ledger
from search.alert import Alert, AlertEvent, Why
from search.alerts.decide import Match, decide, is_news, told_by
from search.alerts.engine import Engine
from search.alerts.merge import merge
from search.alerts.store import Alerts
from search.alerts.telling import telling_of
from search.deliver.outbox import enqueue, heard_of
from search.watch import Watch

log = logging.getLogger(f"tocsin.{__name__}")

PlanChecks = Callable[[Connection, Article, datetime], object]


class WatchesKept(Protocol):
    """The watches and their earlier versions."""

    @property
    def revision(self) -> int:
        """Another number whenever a watch has changed."""

    def listing(self) -> list[Watch]: ...

    def get(self, watch: str) -> Watch | None: ...

    def version(self, watch: str, number: int) -> Watch | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """How alerts are told."""

    language: str = "en"  # of the first line
    passages: int = 3  # shown of one article


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What came of one batch: articles in, and alert events by kind."""

    articles: int
    events: dict[str, int]
    deliveries: int


class WatchStage:
    """Turns told articles into alert events and the deliveries that follow from them.

    A batch that comes again writes nothing again.
    """

    def __init__(
        self,
        ledger: Ledger,
        watches: WatchesKept,
        engine: Engine,
        *,
        clock: Clock = now,
        plan_checks: PlanChecks = lambda _transaction, _article, _now: None,
        settings: AlertSettings | None = None,
    ) -> None:
        """`plan_checks` has the page of an article behind a live alert fetched again after a while."""
        self._ledger, self._watches, self._engine, self._clock = ledger, watches, engine, clock
        self._plan_checks = plan_checks
        self._settings = settings or AlertSettings()
        self._in_force: int | None = None  # revision of the watches that the matcher holds

    def handle(self, batch: Sequence[ToldArticle]) -> Counts:
        """All effects of the batch, in order, in one transaction; joins the caller's where there is one."""
        events: Counter[str] = Counter()
        deliveries = 0
        self._keep_up()
        with self._ledger.begin("alerts") as transaction:
            alerts = Alerts(transaction, self._settings.language)
            stories = [kept_story(transaction, told.story) for told in batch]
            alerts.load([*stories, *(gone for told in batch for gone in told.merged)])
            for told, story in zip(batch, stories, strict=True):
                for event in self._events(alerts, told, story):
                    added = alerts.add(event)
                    if added is not None:
                        events[event.kind] += 1
                        deliveries += self._follow(transaction, event, *added)
                self._watch_page(transaction, alerts, told, story)
            alerts.flush()
        counts = Counts(articles=len(batch), events=dict(events), deliveries=deliveries)
        log.info("watched", extra={"articles": len(batch), "deliveries": deliveries, **events})
        return counts

    def _keep_up(self) -> None:
        """Has the matcher hold the watches as they are; here, for it must not change while it matches."""
        revision = self._watches.revision
        if revision != self._in_force:
            self._engine.keep(self._watches.listing())
            self._in_force = revision

    def _events(self, alerts: Alerts, told: ToldArticle, story: str) -> Iterator[AlertEvent]:
        now = self._clock()
        for gone in told.merged:
            for alert in alerts.of(gone) if gone != story else ():
                yield from merge(alert, alerts.get(story, alert.watch), story, now)
        article = told.enriched.article
        matching = list(self._engine.match(told))
        knowing = [alert.watch for alert in alerts.of(story, article.id) if told_by(alert, article.id)]
        for name in dict.fromkeys([*matching, *knowing]):
            found = alerts.get(story, name)
            if is_news(found, article.id, article.revision, str(article.origin)):
                match = self._match(name, name in matching, told, story, found)
                yield from decide(found, match, now) if match else ()

    def _match(self, name: str, matches: bool, told: ToldArticle, story: str, alert: Alert | None) -> Match | None:
        """The watch over the article, in the version that matches now or the one that matched it before."""
        watch = self._watches.get(name) if matches else self._told_under(alert, told)
        if watch is None:
            return None
        found = self._engine.explain(watch.query, told)
        why: Why | None = found if found.true else None
        passages = self._engine.passages(found, told, self._settings.passages) if why else ()
        return Match(watch=watch, story=story, telling=telling_of(told, why, passages), why=why)

    def _told_under(self, alert: Alert | None, told: ToldArticle) -> Watch | None:
        """The watch as it was when the alert took the article in.

        A watch that was changed or switched off since says nothing about whether the words are still there.
        """
        article = told.enriched.article.id
        for event in reversed(alert.events if alert else ()):
            if event.telling and event.telling.article == article and event.watch_version:
                return self._watches.version(event.watch, event.watch_version) or self._watches.get(event.watch)
        return self._watches.get(alert.watch) if alert else None

    def _follow(self, transaction: Connection, event: AlertEvent, alert: Alert, number: int) -> int:
        if event.rings:
            watch = self._watches.get(alert.watch)
            return enqueue(transaction, event, number, watch.channels if watch else ())
        if event.kind == "withdrawn" and alert.rang:
            return enqueue(transaction, event, number, heard_of(transaction, _alerts_behind(alert)))
        return 0

    def _watch_page(self, transaction: Connection, alerts: Alerts, told: ToldArticle, story: str) -> None:
        article = told.enriched.article
        if article.origin != Origin.LIVE or article.withdrawn:
            return
        for alert in alerts.of(story, article.id):
            known = told_by(alert, article.id)
            if alert.rang and known and not known.withdrawn:
                self._plan_checks(transaction, article, self._clock())
                return


def _alerts_behind(alert: Alert) -> list[str]:
    """The alert and those that were merged into it: whoever heard of one of them heard of it."""
    merged = [event.other for event in alert.events if event.kind == "amended" and event.other]
    return list(dict.fromkeys([alert.id, *merged]))
