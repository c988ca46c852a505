"""All is well -> a sign of life in the ledger, and one to a monitor outside that calls someone when it stays away."""

import asyncio
import logging
from collections.abc import Callable

from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.facts import put_fact
from ingest.verdict import Reject, Retry
from search.deliver.sender import Poster
from search.deliver.settings import DeliverySettings

log = logging.getLogger(f"tocsin.{__name__}")
FACT = "heartbeat"


class Heartbeat:
    """Beats only while `wrong` says nothing: silence is the alarm, for it also comes when the whole machine is gone."""

    def __init__(
        self,
        ledger: Ledger,
        poster: Poster,
        wrong: Callable[[], str],
        settings: DeliverySettings | None = None,
        *,
        clock: Clock = now,
    ) -> None:
        """`wrong` gives what is not well, empty while all is."""
        self._ledger, self._poster, self._wrong, self._clock = ledger, poster, wrong, clock
        self._settings = settings or DeliverySettings()

    async def run(self, stop: asyncio.Event) -> None:
        """Beats until `stop` is set."""
        while not stop.is_set():
            await self.beat()
            try:
                await asyncio.wait_for(stop.wait(), self._settings.heartbeat_seconds)
            except TimeoutError:
                continue

    async def beat(self) -> str:
        """What kept it from beating, empty where it did."""
        try:
            reason = await asyncio.to_thread(self._wrong)
            if not reason:
                await asyncio.to_thread(self._write)
        except Retry as verdict:
            reason = str(verdict)
        if reason:
            log.error("no heartbeat", extra={"reason": reason})
            return reason
        if not self._settings.monitor_url:
            return ""
        try:
            answer = await self._poster.post(self._settings.monitor_url, body=b"")
        except (Retry, Reject) as verdict:
            log.warning("monitor away", extra={"reason": str(verdict)})
            return f"the monitor is away: {verdict}"
        if answer.status >= 400:
            log.warning("monitor refuses", extra={"status": answer.status})
            return f"the monitor answered {answer.status}"
        return ""

    def _write(self) -> None:
        at = self._clock()
        with self._ledger.begin("rows") as transaction:
            put_fact(transaction, FACT, at.isoformat(timespec="seconds"), to_ms(at))
