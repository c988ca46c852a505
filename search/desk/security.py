"""What every request must pass (a known Host, our own Origin, a token for every act), and every answer's headers."""

import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.verdict import Abort

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE = "tocsin_form"
A_YEAR_SECONDS = 31_536_000
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


def check_bind(host: str) -> None:
    """Refuses an address that others can reach: there is no sign-in yet.

    Raises: Abort saying what to do.
    """
    if not _loopback(host.strip("[]").lower()):
        raise Abort(
            f"the desk page would be open to others at {host!r}, and it has no sign-in: "
            "set desk.host to 127.0.0.1 and reach it through an SSH tunnel"
        )


class Guard:
    """Stands before every route: refuses what does not come from our own page or the folder's own commands."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], token: str) -> None:
        """`hosts` may stand in Host besides loopback names. Who bears `token`, the folder's, needs no form token."""
        self._app, self._hosts, self._token = app, hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refused = self._refusal(request)
        if refused:
            refusal = PlainTextResponse(refused + "\n", status_code=403, headers=HEADERS)
            await refusal(scope, receive, send)
            return
        known = request.cookies.get(COOKIE, "")
        cookie = request.state.form_cookie = known or secrets.token_urlsafe(24)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), request.url.path, "" if known else cookie)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> str:
        """Why the request is not served, empty where it is."""
        host = request.headers.get("host", "")
        name = _name(host)
        if not _loopback(name) and name not in self._hosts:
            return f"This desk page does not answer for the host {name!r}: add it to desk.hosts in the settings."
        if request.method in SAFE or self._bears_token(request):
            return ""
        origin = request.headers.get("origin")
        if origin is None or urlsplit(origin).netloc != host:
            return "This request does not come from the desk page itself."
        cookie, sent = request.cookies.get(COOKIE, ""), request.headers.get("x-form-token", "")
        if not cookie or not hmac.compare_digest(_token_of(cookie, self._token).encode(), sent.encode()):
            return "The page is too old for this: load it again."
        return ""

    def _bears_token(self, request: Request) -> bool:
        wanted = f"Bearer {self._token}" if self._token else ""
        given = request.headers.get("authorization", "")
        return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def form_token(request: Request, token: str) -> str:
    """What an act on the page must send back: bound to the visitor's cookie and to the folder's `token`."""
    return _token_of(request.state.form_cookie, token)


def _token_of(cookie: str, token: str) -> str:
    # Cookies are shared by all ports of a host: without the folder's token another local server could make this.
    return hmac.new(token.encode(), b"form\0" + cookie.encode(), "sha256").hexdigest()


def _add_headers(headers: MutableHeaders, path: str, fresh_cookie: str) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if path.startswith("/static/"):
        headers.setdefault("Cache-Control", "no-cache")  # asked each time, answered 304
        return
    headers.setdefault("Cache-Control", "no-store")
    if fresh_cookie:
        baked = Response()
        baked.set_cookie(COOKIE, fresh_cookie, httponly=True, samesite="strict", max_age=A_YEAR_SECONDS)
        headers.append("Set-Cookie", baked.headers["set-cookie"])


def _name(host: str) -> str:
    """The name in a Host header, without its port; empty where it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
