"""A watch and its examples -> which of them ring, and why."""

from collections.abc import Callable
from dataclasses import dataclass

from enrich.article import EnrichedArticle, ToldArticle
from search.alert import Why
from search.watch import Watch
from search.watches.valid import WatchError


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One example of a watch, tried."""

    text: str
    must_ring: bool
    rings: bool
    why: Why
    article: EnrichedArticle  # what was understood

    @property
    def passed(self) -> bool:
        return self.rings == self.must_ring


def check(
    watch: Watch, enrich: Callable[[str], EnrichedArticle], explain: Callable[[str, ToldArticle], Why]
) -> list[Checked]:
    """Every example of the watch, must-ring ones first. `explain` is that of an Engine.

    Raises: WatchError if the query cannot be used.
    """
    wanted = [*((text, True) for text in watch.must_ring), *((text, False) for text in watch.must_not_ring)]
    return [_check_one(watch, text, must, enrich(text), explain) for text, must in wanted]


def _check_one(
    watch: Watch, text: str, must_ring: bool, article: EnrichedArticle, explain: Callable[[str, ToldArticle], Why]
) -> Checked:
    try:
        why = explain(watch.query, ToldArticle(enriched=article, story=article.article.id))
    except ValueError as error:
        raise WatchError(f"watch {watch.name!r}: query: {error}", getattr(error, "place", None)) from error
    return Checked(text=text, must_ring=must_ring, rings=why.true, why=why, article=article)
