"""An order about people, as a command gives it -> carried out by the folder's owner or the command itself."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from ingest.clock import Clock
from ingest.ledger import Ledger
from search.people.person import PeopleError, Person, Token
from search.people.store import People
from search.people.tokens import add_token, revoke_token

Asked = Mapping[str, Any]


def carry_out(ledger: Ledger, clock: Clock, order: str, asked: Asked) -> dict[str, Any]:
    """What came of an order of ORDERS; `asked` has `by` and what the order needs.

    Raises: PeopleError.
    """
    if order not in ORDERS:
        raise PeopleError(f"no order {order!r}; there are {', '.join(ORDERS)}")
    return ORDERS[order](ledger, clock, asked)


def _add(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    person = Person(
        name=asked["name"],
        display=asked.get("display", ""),
        role=asked["role"],
        desks=tuple(asked.get("desks") or ()),
        added=clock(),
    )
    added = People(ledger, clock=clock).add(person, password=asked.get("password", ""), by=asked["by"])
    return {"name": added.name, "role": added.role, "desks": list(added.desks)}


def _password(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    People(ledger, clock=clock).set_password(asked["name"], asked.get("password", ""), by=asked["by"])
    return {"name": asked["name"]}


def _role(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    changed = People(ledger, clock=clock).set_role(
        asked["name"], asked.get("role", ""), asked.get("desks"), by=asked["by"]
    )
    return {"name": changed.name, "role": changed.role, "desks": list(changed.desks)}


def _enable(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    People(ledger, clock=clock).switch(asked["name"], enabled=True, by=asked["by"])
    return {"name": asked["name"], "enabled": True}


def _disable(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    People(ledger, clock=clock).switch(asked["name"], enabled=False, by=asked["by"])
    return {"name": asked["name"], "enabled": False}


def _sign_out(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    return {"name": asked["name"], "ended": People(ledger, clock=clock).sign_out(asked["name"], by=asked["by"])}


def _add_token(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    now, days = clock(), asked.get("days", 0)
    token = Token(
        name=asked["name"],
        person=asked["person"],
        role=asked["role"],
        desks=tuple(asked.get("desks") or ()),
        made=now,
        until=now + timedelta(days=days) if days else None,
    )
    return {"token": add_token(ledger, token, by=asked["by"])}


def _revoke(ledger: Ledger, clock: Clock, asked: Asked) -> dict[str, Any]:
    revoke_token(ledger, asked["person"], asked["name"], by=asked["by"], at=clock())
    return {"revoked": asked["name"]}


ORDERS: dict[str, Callable[[Ledger, Clock, Asked], dict[str, Any]]] = {
    "add": _add,
    "password": _password,
    "role": _role,
    "enable": _enable,
    "disable": _disable,
    "sign-out": _sign_out,
    "add-token": _add_token,
    "revoke-token": _revoke,
}
