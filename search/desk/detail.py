"""One alert -> everything that the page shows once it is opened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from sqlalchemy import select

from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from search.alert import Alert, AlertEvent, Telling
from search.desk.cards import Card, Quote, card, quotes_of

MOST_QUOTES, MOST_LINES = 12, 40

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One delivery, as far as it has come."""

    channel: str
    state: str
    detail: str
    attempts: int
    when: int  # ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A line of how the story grew: one telling, or copies that came in a row."""

    when: datetime
    language: str
    source: str
    article: str  # empty where it stands for several
    says: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything behind one alert. What `*_left_out` counts stands on the story's page."""

    card: Card
    quotes: tuple[Quote, ...]
    quotes_left_out: int
    grown: tuple[Grown, ...]
    grown_left_out: int
    deliveries: tuple[Delivered, ...]
    deliveries_left_out: int
    events: tuple[AlertEvent, ...]  # newest first
    events_left_out: int
    amended: tuple[datetime, ...]  # the last few
    silent_reason: str  # why it did not ring
    merged_into: str  # id of the alert that goes on in its place
    person: str
    people: tuple[str, ...]  # whom it can be assigned to
    watch_enabled: bool
    blind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who looks, and what is known beside the alert itself."""

    person: str
    people: Sequence[str]
    watch_enabled: bool
    blind: str


def detail(ledger: Ledger, alert: Alert, reader: Reader) -> Detail:
    """Everything that the page shows of an alert."""
    quotes, quotes_left_out = _first(_each_language_first(quotes_of(alert.tellings)), MOST_QUOTES)
    grown, grown_left_out = _first(_grown(alert.tellings), MOST_LINES)
    sent, sent_left_out = _first(deliveries(ledger, alert.id), MOST_LINES)
    events, events_left_out = _first(reversed(alert.events), MOST_LINES)
    merged = next((event.other for event in reversed(alert.events) if event.kind == "merged"), "")
    silent = next((event.reason for event in alert.events if event.kind == "matched"), "")
    return Detail(
        card=card(alert),
        quotes=quotes,
        quotes_left_out=quotes_left_out,
        grown=grown,
        grown_left_out=grown_left_out,
        deliveries=sent,
        deliveries_left_out=sent_left_out,
        events=events,
        events_left_out=events_left_out,
        amended=tuple(event.at for event in alert.events if event.kind == "amended")[-2:],
        silent_reason="" if alert.rang else silent,
        merged_into=merged if alert.state == "merged" else "",
        person=reader.person,
        people=tuple(name for name in reader.people if name != reader.person),
        watch_enabled=reader.watch_enabled,
        blind=reader.blind,
    )


def deliveries(ledger: Ledger, alert: str) -> list[Delivered]:
    """What went out for an alert, or is to go, in order."""
    rows = tables.deliveries.c
    query = select(tables.deliveries).where(rows.alert == alert).order_by(rows.at, rows.channel)
    with ledger.read() as connection:
        return [
            Delivered(
                channel=row.channel, state=row.state, detail=row.detail, attempts=row.attempts, when=row.sent or row.at
            )
            for row in connection.execute(query)
        ]


def _grown(tellings: Iterable[Telling]) -> list[Grown]:
    lines: list[Grown] = []
    for copies, group in groupby(tellings, key=lambda telling: bool(telling.copy_of)):
        found = list(group)
        lines += [_copied(found)] if copies and len(found) > 1 else [_one(telling) for telling in found]
    return lines


def _one(telling: Telling) -> Grown:
    notes = (
        "the words that rang are gone" if telling.withdrawn else "",
        f"revision {telling.revision}" if telling.revision > 1 else "",
        telling.origin if telling.origin != "live" else "",
    )
    says = "; ".join(telling.new) or ("a copy, counted once" if telling.copy_of else "nothing new")
    return Grown(
        when=telling.seen,
        language=telling.language,
        source=telling.source,
        article=telling.article,
        says=says,
        notes=tuple(note for note in notes if note),
    )


def _copied(copies: list[Telling]) -> Grown:
    return Grown(
        when=copies[0].seen,
        language=copies[0].language if len({copy.language for copy in copies}) == 1 else "",
        source=f"{len(copies)} copies",
        article="",
        says="the same text in other outlets, counted once",
    )


def _each_language_first(quotes: Iterable[Quote]) -> list[Quote]:
    """One quote of every language, then the others, so that no language is behind the limit."""
    seen: set[str] = set()
    firsts, others = list[Quote](), list[Quote]()
    for quote in quotes:
        (others if quote.telling.language in seen else firsts).append(quote)
        seen.add(quote.telling.language)
    return [*firsts, *others]


def _first(items: Iterable[Item], limit: int) -> tuple[tuple[Item, ...], int]:
    """The first of them, and how many are left out."""
    found = tuple(items)
    return found[:limit], max(0, len(found) - limit)
