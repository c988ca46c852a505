"""What the folder's own commands ask of its owner, in JSON, with the token of the folder."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Body, HTTPException, Request
from pydantic import BaseModel, Field

from ingest.verdict import Reject
from search.deliver import outbox
from search.desk.access import COMMAND, in_whose_name, owning, visitor_of
from search.desk.context import Desk
from search.desk.routes_feeds import add_feeds, put_back
from search.desk.routes_watches import owning_both
from search.desk.watch_form import WatchForm, store


class Source(BaseModel):
    """Feeds to be added."""

    source: str = Field(min_length=1)  # an address, or the path of a list on the owner's machine


class Asker(BaseModel):
    """Who asks."""

    by: str = COMMAND


def router(desk: Desk) -> APIRouter:
    """The routes of the commands. A verdict answers with {"error": ...}."""
    routes = APIRouter(prefix="/api")
    _add_watches(routes, desk)
    _add_deliveries(routes, desk)

    @routes.post("/rejected/{name}/retry")
    def retry(request: Request, name: str) -> dict[str, object]:
        put_back(desk, name, in_whose_name(request, COMMAND))
        return {"retried": name}

    @routes.post("/operate/{what}")
    def operate(what: str, asked: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        return desk.operate(what, asked)

    @routes.post("/feeds")
    def feeds(request: Request, asked: Source) -> dict[str, object]:
        # A path would have this machine's files read: only its own commands may give one.
        if visitor_of(request).way != "folder" and urlsplit(asked.source).scheme not in ("http", "https"):
            raise HTTPException(422, "give the address of a feed or of a list, with http:// or https://")
        return {"said": add_feeds(desk, asked.source, in_whose_name(request, COMMAND))}

    return routes


def _add_watches(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/watches")
    def save(request: Request, form: WatchForm) -> dict[str, object]:
        owning_both(request, desk, form)
        stored = store(desk, form, in_whose_name(request, form.by))
        return {"id": stored.id, "version": stored.version}

    @routes.post("/watches/{watch}/{state}")
    def switch(request: Request, watch: str, state: Literal["on", "off"], by: str = COMMAND) -> dict[str, object]:
        found = desk.watches.get(watch)
        if found is not None:  # else the store says that there is none
            owning(request, found.desk, change=True)
        desk.watches.switch(watch, enabled=state == "on", by=in_whose_name(request, by))
        return {"id": watch, "enabled": state == "on"}


def _add_deliveries(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/deliveries/{act}")
    def hold(
        request: Request, act: Literal["hold", "release"], by: str = COMMAND, drop: bool = False
    ) -> dict[str, object]:
        by = in_whose_name(request, by)
        if act == "hold":
            outbox.hold(desk.ledger, by=by, clock=desk.clock)
            return {"held": True}
        return {"held": False, "released": outbox.release(desk.ledger, by=by, drop=drop, clock=desk.clock)}

    @routes.post("/channels/{channel}/test")
    async def test(request: Request, channel: str, asker: Asker | None = None) -> dict[str, object]:
        if channel not in {known.name for known in desk.channels}:
            raise Reject(f"the settings have no channel {channel}; see `tocsin channels list`")
        return {"said": await desk.test_ring(channel, in_whose_name(request, (asker or Asker()).by))}
