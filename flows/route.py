"""The route: one row for every arrow between stages."""

from dataclasses import dataclass

from enrich.article import EnrichedArticle, ToldArticle
from ingest.article import Article
from ingest.entry import Entry


@dataclass(frozen=True, slots=True)
class Arrow:
    """A stage reads one topic and writes at most one, which no earlier stage reads."""

    stage: str
    reads: str  # topic; empty where the stage reads the world
    record: type | None  # what stands on the topic it reads
    writes: str  # topic; empty where its effects stand in a store
    batch: int = 1  # records a step


ROUTE = (
    Arrow("collect", "", None, "entries"),
    Arrow("extract", "entries", Entry, "articles", 256),
    Arrow("enrich", "articles", Article, "enriched", 32),
    Arrow("stories", "enriched", EnrichedArticle, "told", 32),
    Arrow("index", "told", ToldArticle, "", 64),
    Arrow("watch", "told", ToldArticle, "", 32),
    Arrow("deliver", "", None, ""),
)
ARROWS = {arrow.stage: arrow for arrow in ROUTE}
TOPICS = tuple(arrow.writes for arrow in ROUTE if arrow.writes)
READ_TWICE = frozenset(arrow.reads for arrow in ROUTE if [other.reads for other in ROUTE].count(arrow.reads) > 1) - {""}
READERS = tuple(arrow for arrow in ROUTE if arrow.reads)
