"""People, for operators: who may do what, and every change to it but a new password."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from ingest.clock import to_ms
from search.desk.access import in_whose_name
from search.desk.context import Desk
from search.desk.frame import page
from search.desk.routes_feeds import PAGE
from search.people.orders import carry_out
from search.people.person import ROLES
from search.people.store import People, standing
from search.people.tokens import listed_tokens


def router(desk: Desk) -> APIRouter:
    """The routes of people."""
    routes = APIRouter()

    @routes.get("/people")
    def listing(request: Request) -> HTMLResponse:
        values = {
            "people": People(desk.ledger).listing(),
            "standing": standing(desk.ledger, to_ms(desk.clock())),
            "roles": ROLES,
            "tokens": listed_tokens(desk.ledger),
        }
        return page(desk, request, "people.html", values)

    @routes.post("/people/{order}")
    def order(
        request: Request,
        order: Literal["role", "enable", "disable", "sign-out"],
        name: Annotated[str, Form()] = "",
        role: Annotated[str, Form()] = "",
    ) -> Response:
        by = in_whose_name(request, PAGE)
        carry_out(desk.ledger, desk.clock, order, {"name": name, "role": role, "by": by})
        return Response(status_code=204, headers={"HX-Redirect": "/people"})

    return routes
