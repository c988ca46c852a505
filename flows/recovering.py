"""Published articles that the index has lost -> read out of the archive again, in their stories, and added."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from enrich.article import EnrichedArticle, ToldArticle
from enrich.enricher import prepare
from enrich.stories.stage import told_before
from flows.assembly import Assembly, assembled
from flows.home import Home, packs_cache
from flows.opening import Parts, owning
from flows.stages import Enrich
from flows.worker import Unfit
from ingest import wire
from ingest.article import Article
from ingest.pages.again import read_again
from ingest.verdict import Reject

log = logging.getLogger(f"tocsin.{__name__}")

BATCH = 32  # pages in memory


@dataclass(slots=True, kw_only=True)
class Recovered:
    """What became of articles that the index had lost."""

    articles: int = 0  # in the index again
    changed: list[str] = field(default_factory=list)  # of them: ids whose text is read otherwise than when published
    lost: dict[str, str] = field(default_factory=dict)  # id -> why it could not be brought back


def recover(home: Home, wanted: Sequence[str]) -> Recovered:
    """Reads the articles `wanted` (ids) again and adds them to the index. It rings nothing and tells no stage.

    Broken off and asked for again it gives the same.
    Raises: Abort if another process has the folder; Retry if a server is away.
    """
    with owning(home) as parts:

        async def done() -> Recovered:
            await asyncio.to_thread(prepare, packs_cache())
            async with assembled(parts) as assembly:
                return await _recovered(assembly, wanted)

        return asyncio.run(done())


async def _recovered(assembly: Assembly, wanted: Sequence[str]) -> Recovered:
    found = Recovered()
    for start in range(0, len(wanted), BATCH):
        read = await read_again(wanted[start : start + BATCH], assembly.visiting())
        found.lost |= read.lost
        enriched = await _enriched(assembly, read.articles, found)
        added = await asyncio.to_thread(_add, assembly.parts, enriched, found)
        found.articles += len(added)
        found.changed += [name for name in read.changed if name in added]
        log.info("articles recovered", extra={"articles": found.articles, "lost": len(found.lost), "of": len(wanted)})
    return found


async def _enriched(assembly: Assembly, articles: Sequence[Article], found: Recovered) -> list[EnrichedArticle]:
    deaths: Counter[int] = Counter()
    most = assembly.parts.settings.pages.queue.deaths

    def alone(number: int) -> None:
        deaths[number] += 1
        if deaths[number] >= most:
            raise Reject(f"enriching it ended {most} processes")

    stage = Enrich(assembly.children, packs_cache())
    answers = await stage.prepare([wire.encode(article) for article in articles], alone)
    enriched = []
    for article, answer in zip(articles, answers, strict=True):
        if isinstance(answer, Unfit):
            found.lost[article.id] = answer.reason
        else:
            enriched.append(wire.decode(answer[1], EnrichedArticle))
    return enriched


def _add(parts: Parts, enriched: Sequence[EnrichedArticle], found: Recovered) -> set[str]:
    with parts.ledger.read() as connection:
        told = told_before(connection, enriched)
    for one in enriched:
        if one.article.id not in told:
            found.lost[one.article.id] = "it has no story yet: the stories stage has not come to it"
    try:
        parts.index.add(list(told.values()))
    except Reject:
        return {name for name, one in told.items() if _is_taken(parts, one, found)}
    return set(told)


def _is_taken(parts: Parts, told: ToldArticle, found: Recovered) -> bool:
    """Whether the index takes the article; where it refuses, that is noted."""
    try:
        parts.index.add([told])
    except Reject as verdict:
        found.lost[told.enriched.article.id] = str(verdict)
        return False
    return True
