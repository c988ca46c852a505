"""Alert events -> server-sent events that resume by number, and what outside monitors ask."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from search.desk import alerts
from search.desk.access import Access, Refused
from search.desk.context import Desk
from search.desk.frame import pulse

LOOK_SECONDS = 0.25
PULSE_SECONDS = 10.0
MOST_AT_ONCE = 200


def router(desk: Desk) -> APIRouter:
    """The routes that stay open, and the ones for monitors."""
    routes = APIRouter()

    @routes.get("/live", response_class=EventSourceResponse)
    async def live(request: Request, after: int = 0) -> AsyncIterator[ServerSentEvent]:
        resumed = request.headers.get("last-event-id", "")
        number = int(resumed) if resumed.isascii() and resumed.isdigit() else after
        until_pulse = 0.0
        while not request.app.state.closing and not await request.is_disconnected():
            news = await asyncio.to_thread(alerts.events_after, desk.ledger, number, MOST_AT_ONCE)
            for happened in news:
                number = happened.number
                yield ServerSentEvent(event="alert", id=str(number), data=_said(happened))
            if news or until_pulse <= 0:
                yield ServerSentEvent(event="pulse", data=await asyncio.to_thread(pulse, desk))
                until_pulse = PULSE_SECONDS
                if not await asyncio.to_thread(_still_let_in, request):
                    return
            if len(news) < MOST_AT_ONCE:
                await asyncio.sleep(LOOK_SECONDS)
                until_pulse -= LOOK_SECONDS

    @routes.get("/healthz")
    def healthz() -> JSONResponse:
        """The page answers."""
        return JSONResponse({"status": "ok"})

    @routes.get("/heartbeat")
    def heartbeat(request: Request) -> JSONResponse:
        """The whole route is well: 503 where it is not, with the reason for those who are let in."""
        wrong = desk.alive()
        said = {"status": "wrong" if wrong else "ok"}
        if wrong and request.state.visitor is not None:
            said["reason"] = wrong
        return JSONResponse(said, 503 if wrong else 200)

    return routes


def _still_let_in(request: Request) -> bool:
    """Whether who opened this page may go on looking: sessions end, and people are disabled."""
    access: Access = request.app.state.access
    try:
        return access.visitor(request) is not None
    except Refused:
        return False


def _said(happened: alerts.Happened) -> dict[str, object]:
    rings = happened.rings
    return {
        "alert": happened.alert,
        "kind": happened.kind,
        "rings": rings,
        "gloss": happened.gloss if rings else "",
        "desk": happened.desk,
    }
