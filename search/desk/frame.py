"""A page's own values -> the whole page: the line at the top, the places at the side."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, func, select

from ingest.clock import from_ms
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import articles as article_tables
from ingest.ledger.tables import feeds as feed_tables
from ingest.ledger.tables import stories as story_tables
from search.deliver import outbox
from search.desk import alerts
from search.desk.access import visitor_of
from search.desk.context import Desk
from search.desk.rendering import fragment, html
from search.desk.security import form_token
from search.people.person import at_least

TROUBLE_AFTER = 3  # failed polls in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The numbers that stand on every page."""

    alerts: int  # open ones
    stories: int
    watches: int
    feeds: int
    trouble: int  # feeds that failed several times in a row
    last_fetch: datetime | None
    rejected: int
    held: str  # who holds all deliveries, empty where nobody does
    desks: dict[str, int]  # desk -> open alerts


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line at the side. `count` names one of Counts."""

    name: str
    path: str
    count: str = ""
    role: str = "reader"  # who sees it


PLACES = (
    Place(name="Alerts", path="/", count="alerts"),
    Place(name="Stories", path="/stories", count="stories"),
    Place(name="Search", path="/search"),
    Place(name="Watches", path="/watches", count="watches"),
    Place(name="Feeds", path="/feeds", count="feeds"),
    Place(name="Rejected", path="/rejected", count="rejected"),
    Place(name="Channels", path="/channels"),
    Place(name="People", path="/people", role="operator"),
    Place(name="Audit", path="/audit", role="operator"),
)


def page(desk: Desk, request: Request, name: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """The template `name` with `values`, inside the frame that all pages share."""
    visitor = visitor_of(request)
    shared = {
        "visitor": visitor,
        "form_token": form_token(request, desk.token),
        "last_event": alerts.last_event(desk.ledger),
        "counts": counts(desk),
        "places": [place for place in PLACES if at_least(visitor.role, place.role)],
        "here": "/" + request.scope["path"].split("/")[1],
        "chosen_desk": "",
        "shown_desks": [],
        "show": "",
        "query": "",
    }
    return html(name, status, **{**shared, **values})


def counts(desk: Desk) -> Counts:
    """The numbers as they are now."""
    feeds, rejected, stories = feed_tables.feeds.c, article_tables.rejected.c, story_tables.stories.c
    with desk.ledger.read() as connection:
        in_use = feeds.removed.is_(None)
        count, last = connection.execute(select(func.count(), func.max(feeds.last_poll)).where(in_use)).one()
        by_desk = _open_by_desk(connection)
        return Counts(
            alerts=sum(by_desk.values()),
            stories=_count(connection, stories.size > 0),
            watches=len(desk.watches.listing()),
            feeds=count,
            trouble=_count(connection, in_use, feeds.failures >= TROUBLE_AFTER),
            last_fetch=from_ms(last) if last else None,
            rejected=_count(connection, rejected.state == "open"),
            held=outbox.held(connection),
            desks={name: number for name, number in by_desk.items() if name},
        )


def pulse(desk: Desk) -> dict[str, Any]:
    """The line at the top and the numbers, for pages that are open."""
    now = counts(desk)
    numbers = {name: value for name, value in asdict(now).items() if isinstance(value, int)}
    return {"line": fragment("_pulse.html", counts=now).strip(), "counts": numbers, "desks": now.desks}


def _open_by_desk(connection: Connection) -> dict[str, int]:
    """Each desk that alerts rang for, with how many of them nobody has taken up; "" for those of no desk."""
    rows = alert_tables.alerts.c
    is_open = func.count().filter(rows.state == "open")
    query = select(rows.desk, is_open).where(rows.rang.is_not(None)).group_by(rows.desk).order_by(rows.desk)
    return {name: int(number) for name, number in connection.execute(query)}


def _count(connection: Connection, *wanted: Any) -> int:
    return connection.execute(select(func.count()).where(*wanted)).scalar_one()
