"""An order about people -> the folder's owner, or the ledger where nobody owns the folder."""

from collections.abc import Mapping
from typing import Any

from flows.asking import ask, owner_to_ask
from flows.home import Home
from flows.opening import owning
from search.people.orders import carry_out


def admit(home: Home, order: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What came of the order.

    Raises: Reject if it cannot be, with what to do; Abort if neither the owner nor the folder can be had.
    """
    owner = owner_to_ask(home)
    if owner is not None:
        return ask(owner, f"/api/people/{order}", asked)
    with owning(home) as parts:
        return carry_out(parts.ledger, parts.clock, order, asked)
