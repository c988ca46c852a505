"""What a process says of itself -> answered over HTTP: by a small server of its own, and beside the desk page."""

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flows.health import PATHS, Answer, Health
from flows.health_settings import HealthSettings
from flows.supervise import Service
from ingest.verdict import Abort

log = logging.getLogger(f"tocsin.{__name__}")

READ_SECONDS = 5.0  # for a request
FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via"})  # what a proxy says of who asks
NOT_HERE = Answer(status=404, body=f"there are {', '.join(PATHS)}\n".encode())

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class HealthServer:
    """Listens from the start, in threads, so that it answers even when the loop is stuck."""

    def __init__(self, health: Health, settings: HealthSettings) -> None:
        """Raises: Abort if the port is taken."""
        kind = _Server6 if ":" in settings.host else _Server
        try:
            self._server = kind((settings.host.strip("[]"), settings.port), _Handler)
        except OSError as error:
            raise Abort(
                f"monitors cannot be answered at {settings.host}:{settings.port}: {error.strerror}; "
                "set health.port to a free port"
            ) from error
        self._server.health = health

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def service(self) -> Service:
        """Answers until told to stop."""
        return Service("health", self._run)

    async def _run(self, stop: asyncio.Event) -> None:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        thread.start()
        log.info("monitors are answered", extra={"port": self.port})
        await stop.wait()
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    health: Health


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = READ_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        answer = self.server.health.answer(path) if path in PATHS else NOT_HERE
        self.send_response(answer.status)
        for name, value in _headers(answer).items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if body:
            self.wfile.write(answer.body)

    def version_string(self) -> str:
        return "tocsin"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - so named where it comes from
        """Monitors ask all the time: nothing of it is logged."""


def _headers(answer: Answer) -> Mapping[str, str]:
    return {
        "Content-Type": answer.kind,
        "Content-Length": str(len(answer.body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


class Beside:
    """Answers monitors at the address of the desk page, before it and without its sign-in.

    Only those of this machine and of the networks that the operator allows; whoever comes through a proxy is none of
    them, and neither is a page in somebody's browser that had its name lead here.
    """

    def __init__(self, app: App, health: Health, settings: HealthSettings, hosts: Collection[str]) -> None:
        """`hosts` may stand in Host, besides addresses and localhost."""
        self._app, self._health, self._hosts = app, health, frozenset(name.lower() for name in hosts)
        self._allowed = networks(settings.allow)

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS or not self._may_ask(scope):
            await self._app(scope, receive, send)
            return
        answer = await asyncio.to_thread(self._health.answer, scope["path"])
        headers = [(name.lower().encode(), value.encode()) for name, value in _headers(answer).items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = answer.body if scope["method"] == "GET" else b""
        await send({"type": "http.response.body", "body": body})

    def _may_ask(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        if scope["method"] not in ("GET", "HEAD") or FORWARDED & headers.keys():
            return False
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host.rpartition(":")[0] if not host.endswith("]") and host.rpartition(":")[2].isdecimal() else host
        if name not in self._hosts and name != "localhost" and not _address(name.strip("[]")):
            return False
        asker = _address((scope.get("client") or ("",))[0])
        return bool(asker) and (asker.is_loopback or any(asker in network for network in self._allowed))


def networks(given: Iterable[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks as an operator writes them.

    Raises: Abort saying what to write.
    """
    try:
        return [ipaddress.ip_network(one, strict=False) for one in given]
    except ValueError as error:
        raise Abort(f'health.allow: {error}; write networks such as "10.1.0.0/16"') from error


def _address(text: str) -> Any:
    """The address that is written there, None where it is none; an IPv4 address in IPv6 clothes is unwrapped."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
