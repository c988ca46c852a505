"""A real HTTP server on loopback that answers each path with exactly the bytes, or the talk, that a test gives it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    port: int = 0
    answers: dict[str, bytes | Talk] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)  # heads, as they came
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        return [head.split(" ", 2)[1] for head in self.requests]

    def header(self, name: str, request: int = -1) -> str | None:
        for line in self.requests[request].split("\r\n")[1:]:
            found, _, value = line.partition(": ")
            if found.lower() == name.lower():
                return value
        return None


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A whole response; `content_length="7"` gives the header Content-Length, `None` leaves one out."""
    given = {"content_length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def redirect(target: str, status: str = "302 Found") -> bytes:
    return answer(status=status, location=target)


@asynccontextmanager
async def serving(answers: Mapping[str, bytes | Talk] | None = None, host: str = "127.0.0.1") -> AsyncIterator[Site]:
    """A site with `answers` by path; a path without one is a 404. Bytes without Content-Length end the connection."""
    site = Site(answers=dict(answers or {}))
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        site.connections += 1
        try:
            while await _one(site, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(connected, host, 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _one(site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")
    site.requests.append(head)
    length = int(site.header("content-length") or 0)
    site.bodies.append(await reader.readexactly(length))
    found = site.answers.get(head.split(" ", 2)[1], answer(status="404 Not Found"))
    if not isinstance(found, bytes):
        await found(writer)
        return False
    writer.write(found)
    await writer.drain()
    return b"content-length:" in found.lower()
