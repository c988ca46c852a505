"""A URL -> whether its host lets us read it, by its robots.txt (RFC 9309). The door of protego."""

import asyncio
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from protego import Protego

from ingest.clock import Clock, now, to_ms
from ingest.fetch.errors import FetchError, RefusedError, TooManyRedirectsError
from ingest.fetch.guard import check_url, host_of, shown
from ingest.fetch.hosts import put, row
from ingest.fetch.response import Response
from ingest.fetch.settings import FetchSettings, Kind
from ingest.ledger import Ledger
from ingest.verdict import Retry

AGENT = "Tocsin"
KEPT_MS = 24 * 3600 * 1000
FIRST_PAUSE_MS, PAUSE_GROWTH = 60_000, 4
LONGEST_DELAY_SECONDS = 60.0
MOST_PARSED = 512


class Getter(Protocol):
    """What it needs of a Fetcher."""

    async def get(self, url: str, *, kind: Kind) -> Response: ...


class RobotsAwayError(FetchError, Retry):
    """The host's robots.txt cannot be read now, so nothing of the host is read."""

    outcome = "robots"


@dataclass(frozen=True, slots=True)
class _Rules:
    """What one host says, until when; `parsed` is None while it cannot be read."""

    parsed: Protego | None
    due: int  # ms since 1970, when to ask again
    failures: int = 0


class Robots:
    """The rules of each host, asked for once a day and kept in the ledger.

    Two requests may follow each other at once where rules are asked for before a page. One for each loop.
    """

    def __init__(self, ledger: Ledger, settings: FetchSettings, clock: Clock = now) -> None:
        self._ledger, self._settings, self._clock = ledger, settings, clock
        self._rules: OrderedDict[str, _Rules] = OrderedDict()
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def allows(self, fetcher: Getter, url: str) -> bool:
        """Whether `url` may be read.

        Raises: RobotsAwayError, a Retry with `after_seconds`, while the host gives no readable answer (server
        errors, throttling, no connection); RefusedError where the guard refuses the host.
        """
        url = check_url(url, self._settings)
        rules = await self._current(fetcher, url)
        if rules.parsed is None:
            wait = max(rules.due - to_ms(self._clock()), 1000) / 1000
            raise RobotsAwayError(f"{shown(url)}: robots.txt of the host cannot be read now", after_seconds=wait)
        return bool(rules.parsed.can_fetch(url, AGENT))

    def delay_seconds(self, url: str) -> float:
        """The Crawl-delay that the host of `url` asks for, at most 60 s; 0.0 where it asks for none, or before
        `allows` was called.
        """
        rules = self._rules.get(host_of(url))
        delay = rules.parsed.crawl_delay(AGENT) if rules and rules.parsed else None
        return min(max(float(delay or 0.0), 0.0), LONGEST_DELAY_SECONDS)

    async def _current(self, fetcher: Getter, url: str) -> _Rules:
        host = host_of(url)
        lock = self._asking.setdefault(host, asyncio.Lock())
        async with lock:  # the second page of a host waits for the answer to the first
            rules = self._rules.get(host) or self._stored(host)
            if rules is None or rules.due <= to_ms(self._clock()):
                rules = await self._ask(fetcher, url, host, rules.failures if rules else 0)
            self._rules[host] = rules
            self._rules.move_to_end(host)
            while len(self._rules) > MOST_PARSED:
                self._rules.popitem(last=False)
        return rules

    def _stored(self, host: str) -> _Rules | None:
        with self._ledger.read() as connection:
            found = row(connection, host)
        if found is None or not found["robots_due"]:
            return None
        text = found["robots"]
        parsed = None if text is None else _parsed(zlib.decompress(text))
        return _Rules(parsed, found["robots_due"], found["robots_failures"])

    async def _ask(self, fetcher: Getter, url: str, host: str, failures: int) -> _Rules:
        parts = urlsplit(url)
        wait, status = 0.0, None
        text: bytes | None
        try:
            response = await fetcher.get(f"{parts.scheme}://{parts.netloc}/robots.txt", kind="robots")
            status, wait = response.status, response.retry_after_seconds or 0.0
            text = _text(response)
        except RefusedError:
            raise
        except TooManyRedirectsError:
            text = b""  # RFC 9309, 2.3.1.2: taken as unavailable, which forbids nothing
        except FetchError:
            text = None
        return self._keep(host, text, status, failures, round(wait * 1000))

    def _keep(self, host: str, text: bytes | None, status: int | None, failures: int, wait: int) -> _Rules:
        at = to_ms(self._clock())
        failures = 0 if text is not None else failures + 1
        pause = KEPT_MS if text is not None else max(wait, FIRST_PAUSE_MS * PAUSE_GROWTH ** min(failures - 1, 9))
        due = at + min(pause, KEPT_MS)
        with self._ledger.begin("hosts") as transaction:
            put(
                transaction,
                host,
                robots=None if text is None else zlib.compress(text),
                robots_status=status,
                robots_at=at,
                robots_due=due,
                robots_failures=failures,
            )
        return _Rules(None if text is None else _parsed(text), due, failures)


def _text(response: Response) -> bytes | None:
    """What the host forbids: nothing where it has no such file, None where it cannot say now."""
    if response.status >= 500 or response.status == 429:
        return None
    return response.body if 200 <= response.status < 300 else b""


def _parsed(text: bytes) -> Protego:
    return Protego.parse(text.decode("utf-8-sig", "replace"))
