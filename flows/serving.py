"""The desk page -> answered on loopback until told to stop. The door of uvicorn."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from flows.assembly import Assembly
from flows.desk import desk_of
from flows.health import Health
from flows.monitoring import Beside
from ingest.verdict import Abort
from search.desk.app import create_app
from search.desk.security import check_bind

GRACE_SECONDS = 1


class _Server(uvicorn.Server):
    """Leaves signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class DeskPage:
    """A socket that listens, before anything is there to answer."""

    listening: socket.socket

    @classmethod
    def bound(cls, host: str, port: int) -> "DeskPage":
        """Listens there; port 0 takes a free one.

        Raises: Abort if the port is taken, or others could reach the page.
        """
        check_bind(host)
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
        return cls(listening)

    @property
    def address(self) -> str:
        """Where people find it."""
        host, port = self.listening.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def serve(self, assembly: Assembly, health: Health, stop: asyncio.Event) -> None:
        """Answers people, and monitors beside them, until `stop` is set; open pages are let go after a second."""
        app = create_app(desk_of(assembly, asyncio.get_running_loop()))
        settings = assembly.parts.settings
        server = _Server(
            uvicorn.Config(
                Beside(app, health, settings.health, settings.desk.hosts),
                log_config=None,
                lifespan="off",
                timeout_graceful_shutdown=GRACE_SECONDS,
                access_log=False,
            )
        )
        running = asyncio.create_task(server.serve(sockets=[self.listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        app.state.closing = True  # open pages end their streams by themselves
        server.should_exit = True
        stopping.cancel()
        await running
