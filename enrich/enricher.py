"""Article -> EnrichedArticle: language, names, events, links and story keys, in one pass over the packs."""

from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

from enrich.article import EnrichedArticle
from enrich.entities.find import find
from enrich.entities.names import Names
from enrich.language import detect
from enrich.stories.keys import story_keys
from enrich.topics.packs import TopicPacks
from enrich.topics.tell import tell
from ingest import wire
from ingest.article import Article


class Enricher:
    """Holds the packs of one process. A pure function of the article and the packs; never raises on any text."""

    def __init__(self, names: Names, packs: TopicPacks) -> None:
        self._names, self._packs = names, packs

    @classmethod
    def load(cls, cache: Path) -> "Enricher":
        """The packs, compiled into `cache` where they are not there yet and shared between processes by the kernel."""
        return cls(Names.load(cache), TopicPacks.load())

    def enrich(self, article: Article) -> EnrichedArticle:
        """What the article says, with evidence for every claim."""
        language = detect(article.title, article.text, article.language)
        mentions = find(article.title, article.text, language.code, self._names)
        year = (article.published.value if article.published else article.seen).year
        told = tell(article.title, article.text, language.code, mentions, self._packs, year=year)
        keys = story_keys(
            title=article.title,
            text=article.text,
            published=article.published.value if article.published else None,
            seen=article.seen,
            entities=mentions,
            topics=told.topics,
            concepts=told.concepts,
        )
        return EnrichedArticle(
            article=article, language=language, entities=mentions, topics=told.topics, links=told.links, keys=keys
        )


def compiled(cache: Path) -> bool:
    """Whether the packs stand compiled in `cache`."""
    return Names.compiled(cache)


def prepare(cache: Path) -> None:
    """Compiles the packs into `cache` where they are not there yet, in a process of its own: it takes many seconds and
    much memory once, and neither stays with the caller.

    Raises: PackError if a pack is wrong; RuntimeError if the process dies.
    """
    TopicPacks.load()
    if compiled(cache):
        return
    process = get_context("spawn").Process(target=_compile, args=(str(cache),))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"compiling the names ended with {process.exitcode}")


def _compile(cache: str) -> None:
    Names.load(Path(cache))
    Names.forget_others(Path(cache))


@lru_cache(maxsize=1)
def loaded(cache: str) -> Enricher:
    """The enricher of this process."""
    return Enricher.load(Path(cache))


def enrich_record(item: tuple[str, bytes]) -> tuple[str, bytes]:
    """The job of a child: (cache folder, Article on the wire) -> (key, EnrichedArticle on the wire).

    Raises: ValueError if the bytes are no Article.
    """
    cache, data = item
    enriched = loaded(cache).enrich(wire.decode(data, Article))
    return enriched.key, wire.encode(enriched)
