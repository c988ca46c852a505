"""An address and a watch -> why the article there did, or did not, ring for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, or_, select

from enrich.article import ToldArticle
from enrich.stories.stage import kept_story
from ingest.clock import from_ms
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import articles as tables
from ingest.ledger.tables import feeds as feed_tables
from ingest.ledger.tables import stories as story_tables
from search.alert import Alert, AlertEvent, Why
from search.alerts.ids import alert_id
from search.alerts.store import find
from search.watch import Watch
from search.watches.store import Version, WatchStore

Cause = Literal[
    "rang",  # it did
    "held",  # it rang, and a delivery is held, waits or failed
    "silent",  # it matched, and was not to ring
    "amended",  # its alert had rung before
    "false",  # the watch does not match it
    "later",  # the watch was made, changed or switched on after it came
    "off",  # the watch is switched off
    "in-flight",
    "rejected",
    "unknown-article",
    "unknown-watch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why an article did, or did not, ring for a watch."""

    cause: Cause
    said: str  # for people
    article: str = ""
    alert: str = ""
    why: Why | None = None  # the watch over the article as both are now


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Where the answer is looked for."""

    ledger: Ledger
    watches: WatchStore
    explain: Callable[[str, ToldArticle], Why]  # of an Engine
    stored: Callable[[str], ToldArticle | None]  # the article as it is indexed
    clean: Callable[[str], str] = lambda url: url  # an address as articles are known by


def why_not(asking: Asking, url: str, watch: str) -> Answer:
    """Why the article at `url` did, or did not, ring for `watch`."""
    kept = asking.watches.get(watch)
    if kept is None:
        return Answer(cause="unknown-watch", said=f"There is no watch {watch!r}.")
    with asking.ledger.read() as connection:
        article = _article(connection, url, asking.clean(url))
        if article is None:
            return _on_the_way(connection, url, asking.clean(url))
        member = connection.execute(
            select(story_tables.members).where(story_tables.members.c.article == article.id)
        ).one_or_none()
        if member is None:
            said = "It was read, and is not in a story yet: ask again."
            return Answer(cause="in-flight", said=said, article=article.id)
        alert = find(connection, alert_id(kept.id, kept_story(connection, member.story)))
        told = _told_of(connection, alert, article.id) if alert else None
    return told or _not_matched(asking, kept, article)


def _article(connection: Connection, url: str, cleaned: str) -> Row[Any] | None:
    rows, aliases = tables.articles.c, tables.aliases.c
    names = select(aliases.article).where(aliases.url.in_([url, cleaned]))
    known = or_(rows.url.in_([url, cleaned]), rows.id == digest(cleaned), rows.id.in_(names))
    return connection.execute(select(tables.articles).where(known).limit(1)).one_or_none()


def _on_the_way(connection: Connection, url: str, cleaned: str) -> Answer:
    rejected, fetches = tables.rejected.c, feed_tables.fetches.c
    kept = connection.execute(
        select(rejected.reason).where(rejected.url.in_([url, cleaned]), rejected.state == "open").limit(1)
    ).scalar()
    if kept is not None:
        return Answer(cause="rejected", said=f"It was rejected: {kept}. It can be tried again under Rejected.")
    row = connection.execute(
        select(fetches.state, fetches.due, fetches.detail)
        .where(or_(fetches.url.in_([url, cleaned]), fetches.article == digest(cleaned)))
        .order_by(fetches.at.desc())
        .limit(1)
    ).first()
    if row is None:
        return Answer(cause="unknown-article", said="No feed that is read has shown this address.")
    if row.state == "rejected":
        return Answer(cause="rejected", said=f"It could not be read: {row.detail}")
    after = f" ({row.detail})" if row.detail else ""
    due = from_ms(row.due).isoformat(timespec="seconds")
    return Answer(cause="in-flight", said=f"It is on its way: its page is fetched from {due} on{after}.")


def _told_of(connection: Connection, alert: Alert, article: str) -> Answer | None:
    """What the alert says of the article, None where it never took it in."""
    events = [event for event in alert.events if event.telling and event.telling.article == article]
    if not events:
        return None
    ring = next((event for event in events if event.rings), None)
    if ring is not None:
        return _rang(connection, alert, ring, article)
    last = events[-1]
    if alert.rang is None:
        return Answer(cause="silent", said=f"It matched silently: {last.reason}.", article=article, alert=alert.id)
    said = f"Its alert rang at {_time(alert.rang)}; this article changed it and rang nobody: {last.reason}."
    return Answer(cause="amended", said=said, article=article, alert=alert.id)


def _rang(connection: Connection, alert: Alert, ring: AlertEvent, article: str) -> Answer:
    events, rows = alert_tables.alert_events.c, alert_tables.deliveries.c
    number = select(events.number).where(events.id == ring.id).scalar_subquery()
    query = select(rows.channel, rows.state, rows.detail).where(rows.event == number, rows.state != "sent")
    open_ones = [f"{row.channel}: {row.state} {row.detail}".strip() for row in connection.execute(query)]
    said = f"It rang at {_time(ring.at)}"
    if open_ones:
        said = f"{said}, but not everywhere: {'; '.join(open_ones)}"
        return Answer(cause="held", said=f"{said}.", article=article, alert=alert.id)
    return Answer(cause="rang", said=f"{said}: {ring.reason}.", article=article, alert=alert.id)


def _not_matched(asking: Asking, watch: Watch, article: Row[Any]) -> Answer:
    told = asking.stored(article.id)
    if told is None:
        return Answer(cause="in-flight", said="It was read, and is not indexed yet: ask again.", article=article.id)
    why = asking.explain(watch.query, told)
    if not why.true:
        said = "The watch does not match it: see which part is not true."
        return Answer(cause="false", said=said, article=article.id, why=why)
    if not watch.enabled:
        return Answer(cause="off", said="The watch would match it, but is switched off.", article=article.id, why=why)
    since = _since(asking.watches.versions(watch.id), watch.query)
    if since > article.changed:
        said = f"The watch has asked for this since {_time(from_ms(since))}, and the article came before that."
        return Answer(cause="later", said=said, article=article.id, why=why)
    said = "The watch matches it, and it is still on its way to the watches: ask again."
    return Answer(cause="in-flight", said=said, article=article.id, why=why)


def _since(versions: list[Version], query: str) -> int:
    """Since when the watch, switched on, has asked for `query` without a break; `versions` are newest first."""
    since = 0
    for version in versions:
        if version.watch.query != query or not version.watch.enabled:
            break
        since = version.at_ms
    return since


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
