"""Settings -> client sessions that connect only where the guard lets them. A door of aiohttp."""

import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ingest.fetch.errors import RefusedError
from ingest.fetch.guard import check_address
from ingest.fetch.settings import FetchSettings, Opening

Resolve = Callable[[str], Awaitable[Sequence[str]]]  # a host's name -> its addresses

HEADER_LIMIT_BYTES, HEADERS_LIMIT = 32 * 1024, 256


@dataclass(slots=True, kw_only=True)
class Way:
    """Where the connection of one request may go, and what the guard said."""

    host: str
    openings: tuple[Opening, ...]
    refused: RefusedError | None = None
    tried: bool = False  # some address was let through

    @property
    def closed(self) -> bool:
        """Whether every address of the host was refused."""
        return self.refused is not None and not self.tried


# A context variable, for the connector tells its socket factory the address but not the name that led there.
_way: ContextVar[Way] = ContextVar("tocsin_fetch_way")


@contextmanager
def guarded(host: str, openings: tuple[Opening, ...]) -> Iterator[Way]:
    """Within it, connections of the current task are judged as going to `host`."""
    way = Way(host=host, openings=openings)
    token = _way.set(way)
    try:
        yield way
    finally:
        _way.reset(token)


def open_session(settings: FetchSettings, resolve: Resolve | None) -> aiohttp.ClientSession:
    """A pool of guarded connections: no cookies, nothing from the environment, bodies as they come."""

    def guarded_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        # The only place where addresses are let through, whether a name, a literal or a redirect led to them.
        family, kind, protocol, _, place = info
        way = _way.get()
        try:
            check_address(str(place[0]), int(place[1]), settings, host=way.host, openings=way.openings)
        except RefusedError as error:
            way.refused = error
            raise PermissionError(str(error)) from error  # an OSError: other addresses of the name are still tried
        way.tried = True
        return socket.socket(family=family, type=kind, proto=protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=guarded_socket,
            resolver=_Resolver(resolve) if resolve else aiohttp.ThreadedResolver(),
            limit=0,  # how many run at once is the callers' business: see Politeness
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(
            total=None,  # the fetcher holds it itself, over all redirects
            connect=settings.connect_timeout_seconds,
            sock_connect=settings.connect_timeout_seconds,
            sock_read=settings.read_timeout_seconds,
        ),
        max_line_size=HEADER_LIMIT_BYTES,
        max_field_size=HEADER_LIMIT_BYTES,
        max_headers=HEADERS_LIMIT,
    )


class _Resolver(AbstractResolver):
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await self._resolve(host)
        if not addresses:
            raise OSError(f"no address for {host}")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        return None
