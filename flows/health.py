"""A running process -> what it says of itself to monitors: /metrics, /healthz and /readyz."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows.latest import Latest
from flows.metrics import CONTENT_TYPE, Figure, Meter
from flows.supervise import Service
from ingest.verdict import Abort, Reject, Retry

log = logging.getLogger(f"tocsin.{__name__}")

METRICS, HEALTHZ, READYZ = "/metrics", "/healthz", "/readyz"
PATHS = (METRICS, HEALTHZ, READYZ)
TURN_SECONDS = 1.0  # how often the loop shows that it turns
STUCK_SECONDS = 30.0  # without a turn
KEPT_SECONDS = 10.0  # figures, before the stores are asked again
CHECKED_SECONDS = 2.0  # the same for whether a store answers
WAIT_SECONDS = 2.0  # for a store
FIGURES_SECONDS = 6.0  # for all figures; with three stores that do not answer, a page of metrics takes twelve seconds
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One store, and how to find out whether it answers."""

    name: str  # ledger | stream | index
    ask: Callable[[], object]  # raises where it does not
    needed: bool = True  # for what this process does


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a monitor is told."""

    status: int
    body: bytes
    kind: str = PLAIN


class Health:
    """Answers monitors. Safe to share between threads; `answer` may wait for a store, so not on the loop."""

    def __init__(self, meter: Meter, stores: Sequence[Store], figures: Callable[[], Collection[Figure]]) -> None:
        self._meter, self._turned = meter, time.monotonic()
        self._stores = [
            (store, Latest(store.ask, keep_seconds=CHECKED_SECONDS, wait_seconds=WAIT_SECONDS)) for store in stores
        ]
        self._figures = Latest(figures, keep_seconds=KEPT_SECONDS, wait_seconds=FIGURES_SECONDS)
        meter.gauges(self._seen)

    async def turn(self, stop: asyncio.Event) -> None:
        """Shows that the loop turns, until `stop` is set."""
        while not stop.is_set():
            self._turned = time.monotonic()
            try:
                await asyncio.wait_for(stop.wait(), TURN_SECONDS)
            except TimeoutError:
                continue

    @property
    def service(self) -> Service:
        """`turn` as a service."""
        return Service("pulse", self.turn)

    def answer(self, path: str) -> Answer:
        """What is asked for at one of PATHS.

        Raises: KeyError if it is none of them.
        """
        return {METRICS: self._metrics, HEALTHZ: self._healthz, READYZ: self._readyz}[path]()

    def _metrics(self) -> Answer:
        return Answer(status=200, body=self._meter.page(), kind=CONTENT_TYPE)

    def _healthz(self) -> Answer:
        seconds = time.monotonic() - self._turned
        if seconds > STUCK_SECONDS:
            said = f"the loop of this process has not turned for {seconds:.0f} s: start it again; nothing is lost"
            return Answer(status=503, body=f"{said}\n".encode())
        return Answer(status=200, body=b"the loop turns\n")

    def _readyz(self) -> Answer:
        lines, ready = [], True
        for store, latest in self._stores:
            trouble = _trouble(latest)
            ready = ready and not (trouble and store.needed)
            spared = "; this process does not need it to go on" if trouble and not store.needed else ""
            lines.append(f"{store.name}: {trouble or 'answers'}{spared}")
        body = "\n".join(["ready" if ready else "not ready", *lines, ""])
        return Answer(status=200 if ready else 503, body=body.encode())

    def _seen(self) -> Iterator[Figure]:
        """Every figure that can be had now; a store that is away leaves out its own."""
        said = "1 while the store answers this process, else 0."
        for store, latest in self._stores:
            value = 0.0 if _trouble(latest) else 1.0
            yield Figure(name="tocsin_store_up", help=said, labels={"kind": store.name}, value=value)
        try:
            figures = self._figures.get()
        except Exception as error:  # noqa: BLE001 - a store that is away must not take the other metrics with it
            log.warning("figures not read", extra={"reason": type(error).__name__})
            return
        yield from figures


def _trouble(latest: Latest[Any]) -> str:
    """Why a store does not answer, empty where it does. The words of a verdict name no password."""
    try:
        latest.get()
    except TimeoutError:
        return f"away: no answer within {WAIT_SECONDS:.0f} s"
    except (Abort, Reject, Retry) as verdict:
        return f"away: {verdict}"
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the store is of no use now
        return f"away: {type(error).__name__}"
    return ""
