"""Watches: the list, one watch with its preview over what is indexed, and every change to it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from search.desk.access import named, owning, visitor_of
from search.desk.context import Desk
from search.desk.frame import page
from search.desk.preview import examples, preview
from search.desk.rendering import fragment
from search.desk.routes_alerts import detail_html, found_alert
from search.desk.watch_form import PageForm, WatchForm, store
from search.watch import Watch

WATCHES, VERSIONS = 200, 20  # shown at first


def router(desk: Desk) -> APIRouter:
    """The routes of the watches."""
    routes = APIRouter()
    _add_pages(routes, desk)
    _add_acts(routes, desk)
    return routes


def _add_pages(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/watches")
    def listing(request: Request, limit: Annotated[int, Query(ge=1, le=5_000)] = WATCHES) -> HTMLResponse:
        watches = desk.watches.listing()
        values = {"watches": watches[:limit], "left_out": max(0, len(watches) - limit), "limit": limit}
        return page(desk, request, "watches.html", values)

    @routes.get("/watches/new")
    def new(request: Request, query: str = "") -> HTMLResponse:
        return _watch_page(desk, request, Watch(id="", name="", query=query), {"new": True, "versions": []})

    @routes.get("/watches/{watch}")
    def one(request: Request, watch: str) -> HTMLResponse:
        found = _found(desk, watch)
        return _watch_page(desk, request, found, {"new": False, "versions": desk.watches.versions(watch)})

    @routes.post("/watches/preview")
    def try_out(form: Annotated[PageForm, Form()], tried: bool = False) -> HTMLResponse:
        current = desk.watches.get(form.id) if form.id else None
        found = preview(desk, form.query, current.query if current else "")
        checked, left_out = examples(desk, form) if tried else ([], 0)
        return HTMLResponse(fragment("_preview.html", preview=found, checked=checked, examples_left_out=left_out))


def _add_acts(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/watches")
    def save(request: Request, form: Annotated[PageForm, Form()]) -> Response:
        by = named(request)
        owning_both(request, desk, form)
        stored = store(desk, form, by)
        return Response(status_code=204, headers={"HX-Redirect": f"/watches/{stored.id}"})

    @routes.post("/watches/{watch}/{state}")
    def switch(request: Request, watch: str, state: Literal["on", "off"], alert: str = "") -> Response:
        by, found = named(request), _found(desk, watch)
        owning(request, found.desk, change=True)
        desk.watches.switch(found.id, enabled=state == "on", by=by)
        if alert:
            return HTMLResponse(detail_html(desk, found_alert(desk, alert).id, by))
        return Response(status_code=204, headers={"HX-Redirect": f"/watches/{watch}"})


def owning_both(request: Request, desk: Desk, form: WatchForm) -> None:
    """Lets those through who may change the watch as it is, and as it is to be."""
    wanted = form.watch()
    for watch in (desk.watches.get(wanted.id), wanted):
        if watch is not None:
            owning(request, watch.desk, change=True)


def _found(desk: Desk, watch: str) -> Watch:
    found = desk.watches.get(watch)
    if found is None:
        raise HTTPException(404, f"There is no watch {watch}.")
    return found


def _watch_page(desk: Desk, request: Request, watch: Watch, more: dict[str, Any]) -> HTMLResponse:
    values = {
        "here": "/watches",
        "watch": watch,
        "channels": [channel.name for channel in desk.channels],
        "desks": sorted({other.desk for other in desk.watches.listing() if other.desk}),
        "person": visitor_of(request).name,
        "preview": preview(desk, watch.query),
        "checked": [],
        "examples_left_out": 0,
        "blind": desk.blind(watch) if watch.id else "",
        "most_versions": VERSIONS,
    }
    return page(desk, request, "watch.html", {**values, **more})
