"""Feeds with their health, and what was rejected."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from ingest import rejected
from ingest.clock import to_ms
from ingest.feeds.health import health
from search.alerts.acts import record
from search.desk.access import in_whose_name
from search.desk.context import Desk
from search.desk.frame import counts, page

SHOWN_BYTES = 20_000
PAGE = "page"  # who did it, where nobody gave a name
FEEDS, REJECTED = 200, 100  # shown at first
Limit = Annotated[int, Query(ge=1, le=5_000)]
STATES = ("open", "retried", "resolved", "")


def router(desk: Desk) -> APIRouter:
    """The routes of feeds and rejected records."""
    routes = APIRouter()
    _add_feeds(routes, desk)
    _add_rejected(routes, desk)
    return routes


def _add_feeds(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/feeds")
    def feeds(request: Request, limit: Limit = FEEDS) -> HTMLResponse:
        found = health(desk.ledger, desk.clock(), limit)
        left_out = max(0, counts(desk).feeds - len(found))
        return page(desk, request, "feeds.html", {"feeds": found, "left_out": left_out, "limit": limit})

    @routes.post("/feeds")
    def add(request: Request, address: Annotated[str, Form()] = "") -> PlainTextResponse:
        # The page adds addresses only: a path would have this machine's files read by whoever sees the page.
        if urlsplit(address.strip()).scheme not in ("http", "https"):
            raise HTTPException(422, "Give the address of a feed, with http:// or https://.")
        return PlainTextResponse(add_feeds(desk, address.strip(), in_whose_name(request, PAGE)))


def add_feeds(desk: Desk, source: str, by: str) -> str:
    """Adds feeds; what came of it stands in the audit too."""
    said = desk.add_feeds(source)
    with desk.ledger.begin() as transaction:
        at_ms = to_ms(desk.clock())
        record(transaction, who=by, what="feeds added", subject=source, detail=said, at_ms=at_ms)
    return said


def put_back(desk: Desk, name: str, by: str) -> None:
    """Puts a rejected record back on the route."""
    with desk.ledger.begin() as transaction:
        rejected.retry(desk.ledger, name, desk.clock())
        record(transaction, who=by, what="rejected retried", subject=name, at_ms=to_ms(desk.clock()))


def _add_rejected(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/rejected")
    def listing(request: Request, limit: Limit = REJECTED, state: str = "open") -> HTMLResponse:
        if state not in STATES:
            raise HTTPException(404, f"no rejected record is {state}; they are open, retried or resolved")
        kept = rejected.listing(desk.ledger, limit, state)
        left_out = rejected.count(desk.ledger, state) - len(kept)
        values = {"kept": kept, "limit": limit, "state": state, "left_out": left_out}
        states = {name or "all": (name, rejected.count(desk.ledger, name)) for name in STATES}
        return page(desk, request, "rejected.html", {**values, "states": states})

    @routes.get("/rejected/{name}")
    def one(request: Request, name: str) -> HTMLResponse:
        kept = rejected.show(desk.ledger, name)
        if kept is None:
            raise HTTPException(404, f"There is no rejected record {name}.")
        text = kept.data[:SHOWN_BYTES].decode("utf-8", "replace")
        left_out = max(0, len(kept.data) - SHOWN_BYTES)
        return page(desk, request, "rejected_one.html", {"kept": kept, "text": text, "left_out": left_out})

    @routes.post("/rejected/{name}/retry")
    def retry(request: Request, name: str) -> Response:
        put_back(desk, name, in_whose_name(request, PAGE))
        return PlainTextResponse("put back on the route")
