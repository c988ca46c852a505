"""The audit, for operators: who did what and when, newest first."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from search.desk.context import Desk
from search.desk.frame import page
from search.people.audit import Sought, choices, listing

SHOWN = 100


def router(desk: Desk) -> APIRouter:
    """The route of the audit."""
    routes = APIRouter()

    @routes.get("/audit")
    def audit(
        request: Request,
        who: str = "",
        what: str = "",
        subject: str = "",
        limit: Annotated[int, Query(ge=1, le=5_000)] = SHOWN,
    ) -> HTMLResponse:
        sought = Sought(who=who, what=what, subject=subject)
        found, total = listing(desk.ledger, sought, limit)
        everybody, everything = choices(desk.ledger)
        values = {
            "found": found,
            "left_out": total - len(found),
            "sought": sought,
            "everybody": everybody,
            "everything": everything,
            "more": "?" + urlencode({"who": who, "what": what, "subject": subject, "limit": min(limit * 4, 5_000)}),
        }
        return page(desk, request, "audit.html", values)

    return routes
