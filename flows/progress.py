"""How the route stands -> one line that changes on a terminal, plain lines elsewhere."""

import sys
import time
from collections import Counter
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.text import Text
from sqlalchemy import func, select

from flows.standing import Left
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts, articles, stories

LIVE_SECONDS = 1.0  # between two changes of the line on a terminal
PLAIN_SECONDS = 10.0  # between two plain lines
RATE_SECONDS = 10.0  # over which the rate is taken


class Progress:
    """Tells people how far the work is. `show` may be called from any thread, one at a time."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._console = Console(file=out or sys.stderr, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._last_line = -PLAIN_SECONDS
        self._last_text = ""
        self._seen: list[tuple[float, int]] = []  # (when, articles in stories): for the rate

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._live = Live(Text(""), console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def every_seconds(self) -> float:
        """How often it can show something: what stands behind it costs some questions to servers."""
        return LIVE_SECONDS if self._live is not None else PLAIN_SECONDS

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(Text(text))

    def show(self, ledger: Ledger, left: Left, polled: Counter[str]) -> None:
        """The work as it stands: items, rate, what is left."""
        text = self._text(ledger, left, polled)
        if self._live is not None:
            self._live.update(Text(text, style="dim"))
            return
        at = time.monotonic()
        if text != self._last_text and at - self._last_line >= PLAIN_SECONDS:
            self._console.print(Text(text))
            self._last_line, self._last_text = at, text

    def _text(self, ledger: Ledger, left: Left, polled: Counter[str]) -> str:
        with ledger.read() as connection:
            read = connection.execute(select(func.count()).select_from(stories.members)).scalar_one()
            rang = connection.execute(
                select(func.count()).select_from(alerts.alerts).where(alerts.alerts.c.rang.is_not(None))
            ).scalar_one()
            rejected = connection.execute(
                select(func.count()).select_from(articles.rejected).where(articles.rejected.c.state == "open")
            ).scalar_one()
        pages = left.pages
        waiting = pages.leased + pages.due_now + pages.due_within_30s
        on_the_way = sum(left.records.values())
        parts = [f"{sum(polled.values())} polls", f"{read} articles{self._rate(read)}"]
        parts += [f"{waiting} pages to fetch"] if waiting else []
        parts += [f"{pages.later} pages later"] if pages.later else []
        parts += [f"{on_the_way} records on the way"] if on_the_way else []
        parts += [f"{rang} alerts"] + ([f"{rejected} rejected"] if rejected else [])
        return " · ".join(parts)

    def _rate(self, read: int) -> str:
        at = time.monotonic()
        self._seen = [(when, count) for when, count in self._seen if at - when <= RATE_SECONDS] + [(at, read)]
        first, count = self._seen[0]
        rate = (read - count) / (at - first) if at - first >= 1 else 0.0
        return f" ({rate:.0f} a second)" if rate >= 1 else ""
