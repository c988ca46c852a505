"""The alerts: the list, one alert opened, and what people do with it."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from search.alert import Alert
from search.alerts import acts
from search.desk import alerts
from search.desk.access import named, owning, visitor_of
from search.desk.cards import card
from search.desk.context import Desk
from search.desk.detail import Detail, Reader, detail
from search.desk.frame import counts, page
from search.desk.rendering import NAME_COOKIE, fragment, html
from search.desk.security import A_YEAR_SECONDS

MOST = 2_000
Limit = Annotated[int, Query(ge=0, le=MOST)]
EVERY_DESK = "*"  # instead of a desk: all alerts, whosever they are


def router(desk: Desk) -> APIRouter:
    """The routes of the alerts."""
    routes = APIRouter()
    _add_pages(routes, desk)
    _add_acts(routes, desk)
    return routes


def _add_pages(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/")
    def listing(
        request: Request, of: Annotated[str, Query(alias="desk")] = "", show: str = "", limit: Limit = 0
    ) -> HTMLResponse:
        if show and show not in alerts.STATES:
            raise HTTPException(404, f"no alert is {show}; they are {', '.join(alerts.STATES)}")
        return _page(desk, request, of, show, limit)

    @routes.get("/alerts/{alert}")
    def opened(request: Request, alert: str) -> HTMLResponse:
        return _page(desk, request, opened=found_alert(desk, alert))

    @routes.get("/alerts/{alert}/card")
    def one_card(alert: str) -> HTMLResponse:
        return html("_card.html", card=card(found_alert(desk, alert)))

    @routes.get("/alerts/{alert}/detail")
    def one_detail(request: Request, alert: str) -> HTMLResponse:
        return HTMLResponse(detail_html(desk, alert, visitor_of(request).name))


def _add_acts(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/alerts/{alert}/{act}")
    def act(request: Request, alert: str, act: str, to: Annotated[str, Form()] = "") -> HTMLResponse:
        by = named(request)
        owning(request, found_alert(desk, alert).desk)
        try:
            acts.act(desk.ledger, alert, act, by=by, to=to, clock=desk.clock)
        except ValueError as error:
            raise HTTPException(409, f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
        return HTMLResponse(detail_html(desk, alert, by))

    @routes.post("/me")
    def name(request: Request, name: Annotated[str, Form()] = "", alert: str = "") -> Response:
        if visitor_of(request).way != "open":
            raise HTTPException(409, "Your name is the one that you signed in with.")
        try:
            given = acts.remember_person(desk.ledger, name, clock=desk.clock)
        except ValueError as error:
            raise HTTPException(422, f"This cannot be a name: {error}.") from error
        answer = HTMLResponse(detail_html(desk, alert, given) if alert else fragment("_named.html", person=given))
        answer.set_cookie(NAME_COOKIE, quote(given), max_age=A_YEAR_SECONDS, samesite="strict", httponly=True)
        return answer


def detail_html(desk: Desk, alert: str, by: str) -> str:
    """The pane of one alert, as `by` sees it."""
    return fragment("_detail.html", d=_detail(desk, found_alert(desk, alert), by))


def found_alert(desk: Desk, alert: str) -> Alert:
    """The alert, or an answer that there is none."""
    found = alerts.one(desk.ledger, alert)
    if found is None:
        raise HTTPException(404, f"There is no alert {alert} here. It may belong to another folder.")
    return found


def _detail(desk: Desk, alert: Alert, by: str) -> Detail:
    watch = desk.watches.get(alert.watch)
    reader = Reader(
        person=by,
        people=alerts.people(desk.ledger),
        watch_enabled=bool(watch and watch.enabled),
        blind=desk.blind(watch) if watch else "",
    )
    return detail(desk.ledger, alert, reader)


def _page(
    desk: Desk, request: Request, of: str = "", show: str = "", limit: int = 0, *, opened: Alert | None = None
) -> HTMLResponse:
    last_event = alerts.last_event(desk.ledger)  # before the list is read: what comes between is streamed, not lost
    limit = limit or desk.settings.alerts
    own = visitor_of(request).desks
    shown = () if of == EVERY_DESK else (of,) if of else (*own, "") if own else ()
    cards, total = alerts.listed(desk.ledger, desks=shown, show=show, limit=limit)
    values = {
        "last_event": last_event,
        "cards": cards,
        "left_out": total - len(cards),
        "more": min(limit * 4, MOST),
        "asked_desk": of,
        "chosen_desk": "" if of == EVERY_DESK else of,
        "own_desks": own,
        "shown_desks": shown,
        "show": show,
        "states": alerts.by_state(desk.ledger, shown),
        "here": "/",
        "d": _detail(desk, opened, visitor_of(request).name) if opened else None,
        "why_empty": "" if cards else _why_empty(desk, shown, show),
    }
    return page(desk, request, "alerts.html", values)


def _why_empty(desk: Desk, desks: Sequence[str], show: str) -> str:
    """Why there is no alert, and what to do next."""
    if show:
        return f"No alert is {show} now. The row above shows where the others are."
    watches = [watch for watch in desk.watches.listing() if watch.enabled and (not desks or watch.desk in desks)]
    if not watches:
        return "No watch is switched on. Make one under Watches: a query with a name."
    feeds = counts(desk).feeds
    if not feeds:
        return "No feed is being read. Add one under Feeds, or start with: tocsin run --feeds FILE"
    return (
        f"{len(watches)} watch{'es' if len(watches) != 1 else ''} and {feeds} feed{'s' if feeds != 1 else ''} are at "
        "work; a new alert appears here by itself. Try a watch's query under Search to see what it would find."
    )
