"""A URL -> a Response or a FetchError: the one way by which Tocsin reads from and writes to other servers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from ingest.clock import Clock, now
from ingest.fetch.connection import Resolve, Way, guarded, open_session
from ingest.fetch.decode import STEP_BYTES, Body
from ingest.fetch.errors import (
    FetchError,
    RefusedError,
    TimedOutError,
    TooLargeError,
    TooManyRedirectsError,
    TruncatedError,
    UnreachableError,
)
from ingest.fetch.guard import check_url, host_of, shown
from ingest.fetch.headers import ACCEPT, folded, for_other_host, outgoing, received
from ingest.fetch.response import Hop, Response, retry_after
from ingest.fetch.settings import FetchSettings, Kind, parse_opening

REDIRECTS = frozenset({301, 302, 303, 307, 308})
POST_LIMIT_BYTES = 64 * 1024


class Fetcher:
    """Requests under the guard: addresses checked as connections are made, bodies decoded within limits.

    An async context manager; safe to share between the tasks of one loop. It paces nothing: see Politeness.
    """

    def __init__(self, settings: FetchSettings, *, clock: Clock = now, resolve: Resolve | None = None) -> None:
        self._settings, self._clock, self._resolve = settings, clock, resolve
        self._openings = tuple(parse_opening(entry) for entry in settings.egress_allow)
        self._reading: aiohttp.ClientSession | None = None
        self._posting: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Fetcher":
        # Two pools: a connection made to an opened receiver is never used again for what a feed names.
        self._reading = open_session(self._settings, self._resolve)
        self._posting = open_session(self._settings, self._resolve)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._reading, self._posting):
            if session is not None:
                await session.close()
        self._reading = self._posting = None

    async def get(self, url: str, *, kind: Kind, headers: Mapping[str, str] | None = None) -> Response:
        """The answer to a GET, after redirects, each of which passes the guard.

        Raises: FetchError, which is a Retry or a Reject. A body that breaks off, is too large or cannot be decoded
        raises only where the status is below 400; a robots file over its limit is cut there.
        """
        started = asyncio.get_running_loop().time()
        deadline = started + self._settings.timeout_seconds(kind)
        current, sent, hops = check_url(url, self._settings), {"Accept": ACCEPT[kind], **(headers or {})}, list[Hop]()
        while True:
            request = _Request(
                method="GET",
                url=current,
                headers=outgoing(sent, self._settings),
                deadline=deadline,
                limit_bytes=self._settings.limit_bytes(kind),
                cut=kind == "robots",
            )
            response, problem = await self._exchange(request)
            target = self._target(response)
            if target is None:
                break
            hops.append(Hop(status=response.status, url=current))
            if len(hops) > self._settings.max_redirects:
                raise TooManyRedirectsError(f"{shown(url)}: over {self._settings.max_redirects} redirects")
            if target in {hop.url for hop in hops}:
                raise TooManyRedirectsError(f"{shown(url)}: the redirects come back to {shown(target)}")
            if host_of(target) != host_of(current):
                sent = for_other_host(sent)
            current = target
        if problem is not None and response.status < 400:
            raise problem
        return replace(response, hops=tuple(hops), seconds=asyncio.get_running_loop().time() - started)

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """The answer to a POST, at most its first 64 KiB; redirects are not followed.

        The only request that may reach what `egress_allow` opened. Once a status has come, nothing raises: the
        receiver has the body.
        Raises: FetchError where no status came.
        """
        started = asyncio.get_running_loop().time()
        request = _Request(
            method="POST",
            url=check_url(url, self._settings, openings=self._openings),
            headers=outgoing(headers or {}, self._settings),
            deadline=started + self._settings.post_timeout_seconds,
            limit_bytes=POST_LIMIT_BYTES,
            cut=True,
            body=body,
        )
        response, _ = await self._exchange(request)
        return replace(response, seconds=asyncio.get_running_loop().time() - started)

    async def _exchange(self, request: "_Request") -> "_Answer":
        """One request without its redirects, and what was wrong with the body of the answer."""
        posting = request.method == "POST"
        session = self._posting if posting else self._reading
        if session is None:
            raise RuntimeError("the fetcher is closed; use it inside `async with`")
        with guarded(URL(request.url).raw_host or "", self._openings if posting else ()) as way:
            try:
                async with asyncio.timeout_at(request.deadline):
                    answer = await session.request(
                        request.method,
                        URL(request.url, encoded=True),
                        headers=request.headers,
                        data=request.body,
                        allow_redirects=False,
                    )
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                raise _translated(error, request, way) from error
        try:
            headers = received(answer.raw_headers)
            response = Response(
                url=request.url, status=answer.status, headers=folded(headers), raw_headers=headers, body=b""
            )
            wait = retry_after(response.headers.get("retry-after"), self._clock())
            return await _with_body(replace(response, retry_after_seconds=wait), answer, request)
        finally:
            answer.release()  # what is left of the body is not read: the connection goes with it

    def _target(self, response: Response) -> str | None:
        """Where a redirect leads, None where the response is no redirect."""
        if not _redirects(response):
            return None
        try:
            target = urljoin(response.url, response.headers["location"])
        except ValueError as error:
            raise RefusedError(f"{shown(response.url)}: redirects to what is no address: {error}") from error
        return check_url(target, self._settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]
    deadline: float  # of the loop's clock
    limit_bytes: int
    cut: bool  # what is over the limit is left out, rather than an error
    body: bytes | None = None

    @property
    def shown(self) -> str:
        """The address for a message; of a post its host alone, for paths of webhooks hold secrets."""
        return shown(self.url) if self.method == "GET" else host_of(self.url)


_Answer = tuple[Response, FetchError | None]


async def _with_body(response: Response, answer: aiohttp.ClientResponse, request: _Request) -> _Answer:
    if _redirects(response) and request.method == "GET":
        return response, None
    try:
        body = Body(response.headers.get("content-encoding", ""), request.limit_bytes)
    except FetchError as error:
        return response, _at(request, error)
    problem = await _fill(body, answer, request)
    return replace(response, body=body.decoded(), wire_bytes=body.wire_bytes), problem


async def _fill(body: Body, answer: aiohttp.ClientResponse, request: _Request) -> FetchError | None:
    announced = answer.content_length or 0
    if announced > request.limit_bytes and not request.cut:
        return TooLargeError(f"{request.shown}: {announced} bytes announced, over {request.limit_bytes}")
    try:
        async with asyncio.timeout_at(request.deadline):
            async for piece in answer.content.iter_chunked(STEP_BYTES):
                body.add(piece)
        body.end()
    except FetchError as error:
        return None if request.cut and isinstance(error, TooLargeError) else _at(request, error)
    except TimeoutError:
        return TimedOutError(f"{request.shown}: the body did not come in time")
    except (aiohttp.ClientError, OSError) as error:
        return TruncatedError(f"{request.shown}: the body broke off: {error}")
    return None


def _at(request: _Request, error: FetchError) -> FetchError:
    return type(error)(f"{request.shown}: {error}")


def _redirects(response: Response) -> bool:
    return response.status in REDIRECTS and bool(response.headers.get("location"))


def _translated(error: Exception, request: _Request, way: Way) -> FetchError:
    if way.closed:
        return RefusedError(str(way.refused))
    if isinstance(error, aiohttp.InvalidURL):
        return RefusedError(f"{request.shown}: not an address: {error}")
    if isinstance(error, TimeoutError):
        return TimedOutError(f"{request.shown}: no answer in time")
    return UnreachableError(f"{request.shown}: {str(error) or type(error).__name__}")
