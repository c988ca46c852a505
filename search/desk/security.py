"""What every request must pass (a known Host, someone let in, our own Origin, the role), and every answer's headers."""

import hmac
import secrets
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.clock import to_ms
from ingest.verdict import Abort, Retry
from search.alerts.acts import record
from search.desk.access import Access, Refused
from search.desk.bind import has_tls, is_loopback, name_of
from search.desk.context import Desk
from search.desk.roles import ANYBODY, needed
from search.people.person import Visitor, at_least

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BEARERS = ("folder", "token")  # no browser sends these by itself
A_YEAR_SECONDS = 31_536_000
SMALL_BYTES = 16_384
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SIGN_IN_FIRST = "You are signed out. Load the page again to sign in."
Answer = Callable[[Request, str, int], Response]


class Guard:
    """Stands before every route."""

    def __init__(self, app: ASGIApp, *, desk: Desk, access: Access, answer: Answer) -> None:
        """`answer` says why not, in the form that the asker reads."""
        self._app, self._desk, self._access, self._answer = app, desk, access, answer
        settings = desk.settings
        own = name_of(urlsplit(settings.url).netloc)
        self._hosts = frozenset({*(name.lower() for name in settings.hosts), *([own] if own else [])})
        self._tls = has_tls(settings)
        self._cookie = "__Host-tocsin_form" if self._tls else "tocsin_form"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        host = name_of(request.headers.get("host", ""))
        if not is_loopback(host) and host not in self._hosts:
            said = f"This desk page does not answer for the host {host!r}: add it to desk.hosts in the settings.\n"
            await PlainTextResponse(said, status_code=403, headers=HEADERS)(scope, receive, send)
            return
        known = request.cookies.get(self._cookie, "")
        cookie = request.state.form_cookie = known or secrets.token_urlsafe(24)
        request.state.visitor = None

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(MutableHeaders(scope=message), scope["path"], "" if known else cookie)
            await send(message)

        answer: ASGIApp | None = None
        # The path of the scope, never that of request.url, which is put together with what the Host header says.
        if not scope["path"].startswith("/static/"):
            answer = await run_in_threadpool(self._refusal, request)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that is not served, None to one that is."""
        try:
            visitor = request.state.visitor = self._access.visitor(request)
        except Refused as refused:
            return self._say(request, refused.said, refused.status)
        except (Retry, Abort) as trouble:
            return PlainTextResponse(f"{trouble}\n", status_code=503)
        role = needed(request.method, request.scope["path"])
        if visitor is None and role != ANYBODY:
            return self._sign_in_first(request)
        if wrong := self._forged(request, visitor):
            return self._say(request, wrong, 403)
        if visitor is None and request.method not in SAFE and not _small(request):
            return self._say(request, "This is more than a name and a password.", 413)
        if role == ANYBODY or visitor is None or at_least(visitor.role, role or "operator"):
            self._note(request, visitor)
            return None
        if role is None:
            return self._say(request, "There is nothing here.", 404)
        return self._say(request, _needs(visitor, role), 403)

    def _forged(self, request: Request, visitor: Visitor | None) -> str:
        """Why an act may not be what someone did on our page; empty where it is."""
        if request.method in SAFE or (visitor is not None and visitor.way in BEARERS):
            return ""
        host = request.headers.get("host", "")
        origin = urlsplit(request.headers.get("origin", ""))
        downgraded = self._tls and origin.scheme != "https" and not is_loopback(name_of(host))
        if origin.netloc not in (host, urlsplit(self._desk.settings.url).netloc) or not origin.netloc or downgraded:
            return "This request does not come from the desk page itself."
        bound = (visitor is not None and visitor.session) or request.cookies.get(self._cookie)
        wanted, sent = form_token(request, self._desk.token), request.headers.get("x-form-token", "")
        if not bound or not hmac.compare_digest(wanted.encode(), sent.encode()):
            return "The page is too old for this: load it again."
        return ""

    def _sign_in_first(self, request: Request) -> Response:
        wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        if wants_page and not request.headers.get("hx-request"):
            asked = request.scope["path"] + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?next={quote(asked, safe='/')}", status_code=303)
        return self._say(request, SIGN_IN_FIRST, 401)

    def _say(self, request: Request, said: str, status: int) -> Response:
        answer = self._answer(request, said, status)
        if status == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _note(self, request: Request, visitor: Visitor | None) -> None:
        """A program that acts stands in the audit with its token's name."""
        if visitor is None or visitor.way != "token" or request.method in SAFE:
            return
        detail = f"{request.method} {request.scope['path']}"
        with self._desk.ledger.begin() as transaction:
            at_ms = to_ms(self._desk.clock())
            record(transaction, who=visitor.name, what="token used", subject=visitor.token, detail=detail, at_ms=at_ms)

    def _add_headers(self, headers: MutableHeaders, path: str, fresh_cookie: str) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self._tls:
            headers.setdefault("Strict-Transport-Security", f"max-age={A_YEAR_SECONDS}")
        if path.startswith("/static/"):
            headers.setdefault("Cache-Control", "no-cache")  # asked each time, answered 304
            return
        headers.setdefault("Cache-Control", "no-store")
        if fresh_cookie:
            baked = Response()
            baked.set_cookie(
                self._cookie, fresh_cookie, httponly=True, secure=self._tls, samesite="strict", max_age=A_YEAR_SECONDS
            )
            headers.append("Set-Cookie", baked.headers["set-cookie"])


def form_token(request: Request, token: str) -> str:
    """What an act on the page must send back: bound to the session, else to a cookie, and to the folder's `token`."""
    visitor: Visitor | None = request.state.visitor
    session = visitor.session if visitor else ""
    bound = f"session\0{session}" if session else f"form\0{request.state.form_cookie}"
    # Cookies are shared by all ports of a host: without the folder's token another local server could make this.
    return hmac.new(token.encode(), bound.encode(), "sha256").hexdigest()


def _small(request: Request) -> bool:
    """Whether a body is told to be small, before it is read of someone who is not let in."""
    length = request.headers.get("content-length", "")
    return length.isascii() and length.isdigit() and int(length) <= SMALL_BYTES


def _needs(visitor: Visitor, role: str) -> str:
    who = f"{visitor.name}’s token {visitor.token!r} has" if visitor.way == "token" else f"you, {visitor.name}, have"
    return (
        f"This needs the role {role}, and {who} the role {visitor.role}. "
        f"An operator can give it: under People, or with tocsin people role {visitor.name!r} {role}."
    )
