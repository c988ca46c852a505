"""People, for operators: who may do what, and every change to it but a new password."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from ingest.clock import to_ms
from search.desk.access import in_whose_name
from search.desk.context import Desk
from search.desk.frame import page
from search.desk.routes_feeds import PAGE
from search.people.person import ROLES, Person, Token
from search.people.store import People, standing
from search.people.tokens import listed_tokens

Act = Literal["role", "enable", "disable", "sign-out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the list."""

    person: Person
    sessions: int
    tokens: int


def router(desk: Desk) -> APIRouter:
    """The routes of people."""
    routes, people = APIRouter(), People(desk.ledger, clock=desk.clock)

    @routes.get("/people")
    def listing(request: Request) -> HTMLResponse:
        counts = standing(desk.ledger, to_ms(desk.clock()))
        rows = [
            Row(person=person, sessions=counts.get(person.name, (0, 0))[0], tokens=counts.get(person.name, (0, 0))[1])
            for person in people.listing()
        ]
        tokens: list[Token] = listed_tokens(desk.ledger)
        return page(desk, request, "people.html", {"rows": rows, "roles": ROLES, "tokens": tokens})

    @routes.post("/people/{act}")
    def act(
        request: Request,
        act: Act,
        name: Annotated[str, Form()] = "",
        role: Annotated[str, Form()] = "",
    ) -> Response:
        change(people, act, name, role=role, desks=None, by=in_whose_name(request, PAGE))
        return Response(status_code=204, headers={"HX-Redirect": "/people"})

    return routes


def change(people: People, act: Act, name: str, *, role: str, desks: list[str] | None, by: str) -> None:
    """Changes someone.

    Raises: PeopleError saying what cannot be.
    """
    if act == "role":
        people.set_role(name, role, desks, by=by)
    elif act == "sign-out":
        people.sign_out(name, by=by)
    else:
        people.switch(name, enabled=act == "enable", by=by)
