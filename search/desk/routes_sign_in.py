"""Signing in and out, and what people see and change of themselves."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ingest.clock import to_ms
from search.desk.access import Access, session_cookie, visitor_of
from search.desk.bind import has_tls
from search.desk.context import Desk, lasting
from search.desk.frame import page
from search.desk.rendering import html
from search.desk.security import form_token
from search.people.person import PeopleError, Visitor
from search.people.sessions import sessions_of
from search.people.signing import SignIn, WaitFirst
from search.people.store import People
from search.people.tokens import listed_tokens

T = TypeVar("T")


def router(desk: Desk) -> APIRouter:
    """The routes of signing in."""
    routes = APIRouter()
    signing = SignIn(ledger=desk.ledger, lasting=lasting(desk.settings), clock=desk.clock)
    _add_door(routes, desk, signing)
    _add_me(routes, desk, signing)
    return routes


def _add_door(routes: APIRouter, desk: Desk, signing: SignIn) -> None:
    @routes.get("/sign-in")
    def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - as it stands in the address
        if request.state.visitor is not None:
            return RedirectResponse(_inside(next), status_code=303)
        access: Access = request.app.state.access
        token = form_token(request, desk.token)
        return html("sign_in.html", form_token=token, next=_inside(next), nobody_yet=access.nobody_yet())

    @routes.post("/sign-in")
    def sign_in(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",  # noqa: A002
    ) -> Response:
        visitor: Visitor | None = request.state.visitor
        access: Access = request.app.state.access
        before = visitor.session if visitor else ""
        token = _tried(lambda: signing.sign_in(name, password, access.browser(request), before=before))
        return _signed_in(desk, token, _inside(next))

    @routes.post("/sign-out")
    def sign_out(request: Request) -> Response:
        visitor, access = visitor_of(request), request.app.state.access
        if not visitor.session:
            raise HTTPException(409, "There is no session to end: you did not sign in on this page.")
        signing.sign_out(visitor.name, visitor.session, access.address(request))
        answer = Response(status_code=204, headers={"HX-Redirect": "/sign-in"})
        answer.delete_cookie(session_cookie(desk.settings), secure=has_tls(desk.settings), httponly=True)
        return answer


def _add_me(routes: APIRouter, desk: Desk, signing: SignIn) -> None:
    people = People(desk.ledger, clock=desk.clock)

    @routes.get("/me")
    def me(request: Request) -> HTMLResponse:
        visitor, now_ms = visitor_of(request), to_ms(desk.clock())
        values = {
            "sessions": sessions_of(desk.ledger, visitor.name, lasting(desk.settings), now_ms),
            "tokens": [token for token in listed_tokens(desk.ledger) if token.person == visitor.name],
        }
        return page(desk, request, "me.html", values)

    @routes.post("/me/password")
    def password(request: Request, old: Annotated[str, Form()] = "", new: Annotated[str, Form()] = "") -> Response:
        visitor, access = _in_session(request), request.app.state.access
        browser = access.browser(request)
        _tried(lambda: signing.check(visitor.name, old, browser.address))
        people.set_password(visitor.name, new, by=visitor.name)
        return _signed_in(desk, signing.sign_in(visitor.name, new, browser), "/me")

    @routes.post("/me/sessions/end")
    def end_others(request: Request) -> Response:
        visitor = _in_session(request)
        people.sign_out(visitor.name, by=visitor.name, but=visitor.session)
        return Response(status_code=204, headers={"HX-Redirect": "/me"})


def _in_session(request: Request) -> Visitor:
    visitor = visitor_of(request)
    if not visitor.session:
        raise HTTPException(409, "This is for people who signed in on this page, with a password.")
    return visitor


def _tried(attempt: Callable[[], T]) -> T:
    """What an attempt gives, its refusal as an answer."""
    try:
        return attempt()
    except WaitFirst as wait:
        raise HTTPException(429, str(wait), headers={"Retry-After": str(wait.seconds)}) from wait
    except PeopleError as wrong:
        raise HTTPException(403, str(wrong)) from wrong


def _signed_in(desk: Desk, token: str, to: str) -> Response:
    answer = Response(status_code=204, headers={"HX-Redirect": to})
    # Lax: who follows a link to an alert from a mail is signed in there too; acts have their own proof.
    answer.set_cookie(
        session_cookie(desk.settings),
        token,
        max_age=desk.settings.session_hours * 3600,
        httponly=True,
        secure=has_tls(desk.settings),
        samesite="lax",
    )
    return answer


def _inside(path: str) -> str:
    """The path if it leads into this page, else the first one.

    >>> _inside("/alerts/x?a=b"), _inside("//evil.example"), _inside("/\\\\evil.example"), _inside("https://evil.example")
    ('/alerts/x?a=b', '/', '/', '/')
    """
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"
