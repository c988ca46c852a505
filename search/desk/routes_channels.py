"""Channels: what goes out, holding it, a test ring; and why something did not ring."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from sqlalchemy import func, select

from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from search.deliver import outbox
from search.desk.access import named
from search.desk.context import Desk
from search.desk.frame import page

FAILED = 20  # shown at first
STATES = ("sent", "waiting", "held", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A delivery that will not be tried again."""

    alert: str  # empty where it was a notice
    channel: str
    detail: str
    at: int  # ms


def router(desk: Desk) -> APIRouter:
    """The routes of channels and of why-not."""
    routes = APIRouter()
    _add_pages(routes, desk)
    _add_acts(routes, desk)
    return routes


def _add_pages(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/channels")
    def listing(request: Request, limit: Annotated[int, Query(ge=1, le=2_000)] = FAILED) -> HTMLResponse:
        with desk.ledger.read() as connection:
            holder = outbox.held(connection)
        sums = counts(desk.ledger)
        failed = newest_failed(desk.ledger, limit)
        left_out = sum(count for (_, state), count in sums.items() if state == "failed") - len(failed)
        values = {"channels": desk.channels, "sums": sums, "states": STATES, "failed": failed, "holder": holder}
        return page(desk, request, "channels.html", {**values, "left_out": left_out, "limit": limit})

    @routes.get("/why-not")
    def why_not(request: Request, url: str = "", watch: str = "") -> HTMLResponse:
        answer = desk.why_not(url.strip(), watch) if url.strip() and watch else None
        values = {"url": url, "chosen": watch, "answer": answer, "watches": desk.watches.listing(), "here": "/watches"}
        return page(desk, request, "why_not.html", values)


def _add_acts(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/channels/hold")
    def hold(request: Request) -> Response:
        outbox.hold(desk.ledger, by=named(request), clock=desk.clock)
        return Response(status_code=204, headers={"HX-Redirect": "/channels"})

    @routes.post("/channels/release")
    def release(request: Request, drop: bool = False) -> Response:
        outbox.release(desk.ledger, by=named(request), drop=drop, clock=desk.clock)
        return Response(status_code=204, headers={"HX-Redirect": "/channels"})

    @routes.post("/channels/{channel}/test")
    async def test(request: Request, channel: str) -> PlainTextResponse:
        if channel not in {known.name for known in desk.channels}:
            raise HTTPException(404, f"The settings have no channel {channel}.")
        return PlainTextResponse(await desk.test_ring(channel, named(request)))


def counts(ledger: Ledger) -> dict[tuple[str, str], int]:
    """Deliveries by channel and state."""
    rows = tables.deliveries.c
    with ledger.read() as connection:
        found = connection.execute(select(rows.channel, rows.state, func.count()).group_by(rows.channel, rows.state))
        return {(channel, state): count for channel, state, count in found}


def newest_failed(ledger: Ledger, limit: int) -> list[Failed]:
    """The deliveries that failed last, newest first."""
    rows = tables.deliveries.c
    query = select(rows.event, rows.alert, rows.channel, rows.detail, rows.at).where(rows.state == "failed")
    with ledger.read() as connection:
        found = connection.execute(query.order_by(rows.at.desc()).limit(limit))
        return [
            Failed(alert=row.alert if row.event else "", channel=row.channel, detail=row.detail, at=row.at)
            for row in found
        ]
