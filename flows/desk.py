"""The running route -> what the desk page needs of it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from enrich.article import EnrichedArticle, ToldArticle
from enrich.face import sentence_article
from enrich.topics.packs import TopicPacks
from flows.assembly import Assembly
from flows.home import packs_cache
from flows.opening import Parts
from flows.operated import operate
from flows.standing import stalled
from flows.subscribing import counted, subscribe_to
from ingest import wire
from ingest.children import Done
from ingest.links import clean_link
from ingest.verdict import Abort, Retry
from search.alerts.engine import Engine
from search.alerts.why_not import Answer, Asking, why_not
from search.desk.context import Desk
from search.query.parse import parse
from search.query.tree import Term
from search.watches.blind import blind_spots

T = TypeVar("T")
ANSWER_SECONDS = 60.0
ASKED_AGAIN_SECONDS = 5.0  # how long an answer of the brokers stands for every page that asks


def desk_of(assembly: Assembly, loop: asyncio.AbstractEventLoop) -> Desk:
    """The parts behind the page. What it calls from its threads runs on `loop` where it has to."""
    parts = assembly.parts
    engine, packs = Engine(), TopicPacks.load()

    def on_loop(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(ANSWER_SECONDS)

    def enrich(text: str) -> EnrichedArticle:
        """A sentence of an example, read in a child like everything that people or servers send."""
        record = wire.encode(sentence_article(text, now=parts.clock()))
        (result,) = on_loop(assembly.children.run("enrich", [(str(packs_cache()), record)]))
        if not isinstance(result, Done):
            raise Retry(f"the example could not be read: {result.reason}")
        _, data = cast(tuple[str, bytes], result.value)
        return wire.decode(data, EnrichedArticle)

    def stored(article: str) -> ToldArticle | None:
        found = parts.index.search(Term("id", article), limit=1).articles
        return found[0] if found else None

    def answer(url: str, watch: str) -> Answer:
        asking = Asking(
            ledger=parts.ledger, watches=parts.watches, explain=engine.explain, stored=stored, clean=clean_link
        )
        return why_not(asking, url, watch)

    async def test_ring(channel: str, by: str) -> str:
        return await assembly.deliverer.test_ring(channel, by=by)

    return Desk(
        ledger=parts.ledger,
        index=parts.index,
        watches=parts.watches,
        enrich=enrich,
        test_ring=test_ring,
        why_not=answer,
        add_feeds=lambda source: counted(subscribe_to(parts, [source])),
        operate=lambda what, asked: operate(assembly, on_loop, what, asked),
        channels=parts.settings.channels,
        token=parts.ownership.token,
        blind=lambda watch: blind_spots(parse(watch.query), packs),
        alive=_alive(parts),
        clock=parts.clock,
        settings=parts.settings.desk,
    )


def _alive(parts: Parts) -> Callable[[], str]:
    """Empty while all stages move, else what does not."""
    known: tuple[float, str] | None = None

    def alive() -> str:
        nonlocal known
        now = time.monotonic()
        if known is not None and not parts.stream.in_ledger and now - known[0] < ASKED_AGAIN_SECONDS:
            return known[1]
        try:
            said = stalled(parts.ledger, parts.stream, parts.clock)
        except (Retry, Abort) as verdict:
            said = str(verdict)
        known = (now, said)
        return said

    return alive
