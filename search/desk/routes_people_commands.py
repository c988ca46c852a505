"""What `tocsin people` asks of the folder's owner, in JSON: adding and changing people, and their API tokens."""

from datetime import timedelta
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from search.desk.access import COMMAND, in_whose_name
from search.desk.context import Desk
from search.desk.routes_people import change
from search.people.person import Person, Role, Token
from search.people.store import People
from search.people.tokens import add_token, revoke_token


class NewPerson(BaseModel):
    """Someone to be added; without a password they come through a trusted proxy alone."""

    name: str
    display: str = ""
    role: Role
    desks: list[str] = []
    password: str = ""
    by: str = COMMAND


class Change(BaseModel):
    """What is to be another way."""

    name: str
    password: str = ""
    role: str = ""
    desks: list[str] | None = None
    by: str = COMMAND


class NewToken(BaseModel):
    """A token to be made, or taken back by its name."""

    person: str
    name: str
    role: Role = "reader"
    desks: list[str] = []
    days: int = Field(default=0, ge=0, le=36_500)  # 0: until it is revoked
    by: str = COMMAND


def router(desk: Desk) -> APIRouter:
    """The routes of `tocsin people`."""
    routes = APIRouter(prefix="/api")
    _add_people(routes, desk)
    _add_tokens(routes, desk)
    return routes


def _add_people(routes: APIRouter, desk: Desk) -> None:
    people = People(desk.ledger, clock=desk.clock)

    @routes.post("/people")
    def add(request: Request, asked: NewPerson) -> dict[str, object]:
        person = Person(
            name=asked.name,
            display=asked.display,
            role=asked.role,
            desks=tuple(asked.desks),
            added=desk.clock(),
        )
        added = people.add(person, password=asked.password, by=in_whose_name(request, asked.by))
        return {"name": added.name, "role": added.role, "desks": list(added.desks)}

    @routes.post("/people/{act}")
    def act(
        request: Request, act: Literal["role", "enable", "disable", "sign-out", "password"], asked: Change
    ) -> dict[str, object]:
        by = in_whose_name(request, asked.by)
        if act == "password":
            people.set_password(asked.name, asked.password, by=by)
        else:
            change(people, act, asked.name, role=asked.role, desks=asked.desks, by=by)
        return {"name": asked.name}


def _add_tokens(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/tokens")
    def add(request: Request, asked: NewToken) -> dict[str, object]:
        now = desk.clock()
        token = Token(
            name=asked.name,
            person=asked.person,
            role=asked.role,
            desks=tuple(asked.desks),
            made=now,
            until=now + timedelta(days=asked.days) if asked.days else None,
        )
        return {"token": add_token(desk.ledger, token, by=in_whose_name(request, asked.by))}

    @routes.post("/tokens/revoke")
    def revoke(request: Request, asked: NewToken) -> dict[str, object]:
        by = in_whose_name(request, asked.by)
        revoke_token(desk.ledger, asked.person, asked.name, by=by, at=desk.clock())
        return {"revoked": asked.name}
