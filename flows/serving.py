"""The desk page -> answered until told to stop, at its address and for commands on loopback. The door of uvicorn."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from flows.assembly import Assembly
from flows.desk import desk_of
from flows.health import Health
from flows.monitoring import Beside
from ingest.verdict import Abort
from search.desk.app import create_app
from search.desk.bind import check_bind, is_loopback
from search.desk.context import DeskSettings

GRACE_SECONDS = 1


class _Server(uvicorn.Server):
    """Leaves signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class DeskPage:
    """A socket that listens, before anything is there to answer."""

    settings: DeskSettings
    listening: socket.socket
    own: socket.socket | None  # for commands of this machine, where `listening` is public or speaks TLS

    @classmethod
    def bound(cls, settings: DeskSettings, *, people: bool) -> "DeskPage":
        """Listens where the settings say; port 0 takes a free one. `people`: somebody may sign in.

        Raises: Abort if the port is taken, or others could come in unseen.
        """
        check_bind(settings, people=people)
        _check_certificate(settings)
        listening = _listen(settings.host, settings.port)
        plain = is_loopback(settings.host) and not settings.certificate_file
        return cls(settings, listening, None if plain else _listen("127.0.0.1", 0))

    @property
    def address(self) -> str:
        """Where people find it."""
        scheme = "https" if self.settings.certificate_file else "http"
        return self.settings.url.rstrip("/") or _address(scheme, self.listening)

    @property
    def own_address(self) -> str:
        """Where the folder's commands find it."""
        return _address("http", self.own or self.listening)

    async def serve(self, assembly: Assembly, health: Health, stop: asyncio.Event) -> None:
        """Answers people, and monitors beside them, until `stop` is set; open pages are let go after a second."""
        app = create_app(desk_of(assembly, asyncio.get_running_loop()))
        settings = assembly.parts.settings
        answering = Beside(app, health, settings.health, settings.desk.hosts)
        servers = [(_server(answering, self.settings), self.listening)]
        if self.own is not None:
            servers.append((_server(answering), self.own))
        running = [asyncio.create_task(server.serve(sockets=[place])) for server, place in servers]
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((*running, stopping), return_when=asyncio.FIRST_COMPLETED)
        app.state.closing = True  # open pages end their streams by themselves
        for server, _ in servers:
            server.should_exit = True
        stopping.cancel()
        await asyncio.gather(*running)


def _server(app: Callable[..., Any], settings: DeskSettings | None = None) -> _Server:
    """A server for `app`, with TLS where `settings` name a certificate."""
    config = uvicorn.Config(
        app,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
        access_log=False,
        proxy_headers=False,  # who is believed stands in desk.proxy_addresses, and is looked at there
        ssl_certfile=settings.certificate_file if settings else None,
        ssl_keyfile=settings.key_file if settings else None,
    )
    return _Server(config)


def _check_certificate(settings: DeskSettings) -> None:
    if settings.certificate_file is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            settings.certificate_file, settings.key_file
        )
    except (OSError, ValueError) as error:
        raise Abort(
            f"the desk page cannot use the certificate {settings.certificate_file} with the key {settings.key_file}: "
            f"{error}; both are PEM files that this user may read"
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio then sends small answers at once, else each waits some 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen(128)  # who comes before the server is up waits for it
    except OSError as error:
        listening.close()
        raise Abort(
            f"the desk page cannot answer at {host}:{port}: {error.strerror}; "
            "give another port with --port, or end the program that has it"
        ) from error
    return listening


def _address(scheme: str, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
