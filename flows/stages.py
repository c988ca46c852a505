"""The stages of the route as the worker runs them: thin rows from records to the functions that do the work."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from sqlalchemy import Connection

from enrich.article import EnrichedArticle, ToldArticle
from enrich.face import sentence_article
from enrich.stories.stage import StoriesStage
from flows.route import ARROWS
from flows.worker import Outgoing, Unfit
from ingest import queue, wire
from ingest.children import Children, Died, Done, Failed
from ingest.clock import Clock, now
from ingest.entry import Entry
from ingest.ledger.store import Part
from ingest.verdict import Abort, Reject
from search.alerts.stage import WatchStage
from search.index.port import Index


class Admit:
    """[entries] -> the fetch queue; the fetch loop goes on from there."""

    kind = Entry
    name, reads, writes, batch = "extract", "entries", "articles", ARROWS["extract"].batch
    part: Part | None = "fetches"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def prepare(self, records: Sequence[Entry], alone: Callable[[int], None]) -> Sequence[Entry]:
        return records

    def apply(self, transaction: Connection, ready: Sequence[Entry]) -> Outgoing:
        queue.admit(transaction, ready, self._clock())
        return ()


class Enrich:
    """[articles] -> [enriched], computed in the children; bytes go through this process unread."""

    kind = bytes
    name, reads, writes, batch = "enrich", "articles", "enriched", ARROWS["enrich"].batch
    part: Part | None = None

    def __init__(self, children: Children, cache: Path) -> None:
        self._children, self._cache = children, str(cache)

    async def prepare(
        self, records: Sequence[bytes], alone: Callable[[int], None]
    ) -> Sequence[tuple[str, bytes] | Unfit]:
        items = [(self._cache, record) for record in records]
        results = await self._children.run("enrich", items, before_alone=alone)
        return [await self._judged(number, items[number], result, alone) for number, result in enumerate(results)]

    async def _judged(
        self, number: int, item: tuple[str, bytes], result: Done | Failed | Died, alone: Callable[[int], None]
    ) -> tuple[str, bytes] | Unfit:
        """The answer for one record; one that killed its child is tried alone until its attempts are used up."""
        while isinstance(result, Died):
            try:
                await asyncio.to_thread(alone, number)
            except Reject as verdict:
                return Unfit(f"{verdict}; the last time: {result.reason}")
            (result,) = await self._children.run("enrich", [item])
        if isinstance(result, Failed):
            return Unfit(result.reason, result.detail)
        return cast(tuple[str, bytes], result.value)

    async def try_out(self) -> None:
        """Has a child read the packs and enrich a text: what is wrong with all records is no record's fault.

        Raises: Abort if that fails.
        """
        record = wire.encode(sentence_article("Three prisoners were released in Minsk.", now=now()))
        (result,) = await self._children.run("enrich", [(self._cache, record)])
        if not isinstance(result, Done):
            detail = getattr(result, "detail", "").strip()
            raise Abort(f"nothing can be enriched: {result.reason}\n{detail}".strip())

    def apply(self, transaction: Connection, ready: Sequence[tuple[str, bytes]]) -> Outgoing:
        raise NotImplementedError("it changes nothing in the ledger")


class Stories:
    """[enriched] -> [told]: one logical consumer."""

    kind = EnrichedArticle
    name, reads, writes, batch = "stories", "enriched", "told", ARROWS["stories"].batch
    part: Part | None = "stories"

    def __init__(self, stage: StoriesStage) -> None:
        self._stage = stage

    async def prepare(
        self, records: Sequence[EnrichedArticle], alone: Callable[[int], None]
    ) -> Sequence[EnrichedArticle]:
        return records

    def apply(self, transaction: Connection, ready: Sequence[EnrichedArticle]) -> Outgoing:
        return [(told.key, wire.encode(told)) for told in self._stage.handle(transaction, ready)]


class Indexing:
    """[told] -> the index; adding again is harmless, so it needs no part in the ledger's transaction."""

    kind = ToldArticle
    name, reads, writes, batch = "index", "told", "", ARROWS["index"].batch
    part: Part | None = None

    def __init__(self, index: Index) -> None:
        self._index = index
        self.cpu_seconds = 0.0

    async def prepare(self, records: Sequence[ToldArticle], alone: Callable[[int], None]) -> Sequence[ToldArticle]:
        await asyncio.to_thread(self._add, records)
        return records

    def _add(self, records: Sequence[ToldArticle]) -> None:
        began = time.thread_time()
        self._index.add(records)
        self.cpu_seconds += time.thread_time() - began

    def apply(self, transaction: Connection, ready: Sequence[ToldArticle]) -> Outgoing:
        raise NotImplementedError("it changes nothing in the ledger")


class Watching:
    """[told] -> alert events and deliveries."""

    kind = ToldArticle
    name, reads, writes, batch = "watch", "told", "", ARROWS["watch"].batch
    part: Part | None = "alerts"

    def __init__(self, stage: WatchStage, counts: Counter[tuple[str, ...]] | None = None) -> None:
        """`counts` takes the alert events that were written, by kind."""
        self._stage, self._counts = stage, Counter() if counts is None else counts
        self._written: Counter[tuple[str, ...]] = Counter()  # by the last batch, whose transaction may be undone

    async def prepare(self, records: Sequence[ToldArticle], alone: Callable[[int], None]) -> Sequence[ToldArticle]:
        return records

    def apply(self, transaction: Connection, ready: Sequence[ToldArticle]) -> Outgoing:
        self._written = Counter({(kind,): count for kind, count in self._stage.handle(ready).events.items()})
        return ()

    def settled(self) -> None:
        """The last batch is durable."""
        self._counts += self._written
        self._written = Counter()
