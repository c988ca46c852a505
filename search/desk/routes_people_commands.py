"""What `tocsin people` asks of the folder's owner, in JSON: adding and changing people, and their API tokens."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field

from search.desk.access import COMMAND, in_whose_name
from search.desk.context import Desk
from search.people.orders import ORDERS, carry_out


class Order(BaseModel):
    """What an order needs; each takes its part of it."""

    name: str
    person: str = ""  # whose token
    display: str = ""
    role: str = "reader"
    desks: list[str] | None = None
    password: str = ""
    days: int = Field(default=0, ge=0, le=36_500)
    by: str = COMMAND


def router(desk: Desk) -> APIRouter:
    """The route of `tocsin people`."""
    routes = APIRouter(prefix="/api")

    @routes.post("/people/{order}")
    def order(request: Request, order: str, asked: Order) -> dict[str, Any]:
        if order not in ORDERS:
            raise HTTPException(404, f"There is no order {order}; there are {', '.join(ORDERS)}.")
        by = in_whose_name(request, asked.by)
        return carry_out(desk.ledger, desk.clock, order, {**asked.model_dump(), "by": by})

    return routes
