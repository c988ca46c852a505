"""What the folder's own commands ask of its owner, in JSON, with the token of the folder."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from ingest import rejected
from ingest.verdict import Reject
from search.deliver import outbox
from search.desk.context import Desk
from search.desk.watch_form import WatchForm, store

COMMAND = "command"  # who did it, where a command gives no name


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
    def retry(name: str) -> dict[str, object]:
        rejected.retry(desk.ledger, name, desk.clock())
        return {"retried": name}

    @routes.post("/operate/{what}")
    def operate(what: str, asked: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        return desk.operate(what, asked)

    @routes.post("/feeds")
    def feeds(asked: Source) -> dict[str, object]:
        return {"said": desk.add_feeds(asked.source)}

    return routes


def _add_watches(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/watches")
    def save(form: WatchForm) -> dict[str, object]:
        stored = store(desk, form, form.by or COMMAND)
        return {"id": stored.id, "version": stored.version}

    @routes.post("/watches/{watch}/{state}")
    def switch(watch: str, state: Literal["on", "off"], by: str = COMMAND) -> dict[str, object]:
        desk.watches.switch(watch, enabled=state == "on", by=by)
        return {"id": watch, "enabled": state == "on"}


def _add_deliveries(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/deliveries/{act}")
    def hold(act: Literal["hold", "release"], by: str = COMMAND, drop: bool = False) -> dict[str, object]:
        if act == "hold":
            outbox.hold(desk.ledger, by=by, clock=desk.clock)
            return {"held": True}
        return {"held": False, "released": outbox.release(desk.ledger, by=by, drop=drop, clock=desk.clock)}

    @routes.post("/channels/{channel}/test")
    async def test(channel: str, asker: Asker | None = None) -> dict[str, object]:
        if channel not in {known.name for known in desk.channels}:
            raise Reject(f"the settings have no channel {channel}; see `tocsin channels list`")
        return {"said": await desk.test_ring(channel, (asker or Asker()).by)}
