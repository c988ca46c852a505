"""Enriched articles in order of arrival -> the story of each, without a ledger: for `tocsin stories --jsonl`."""

from collections.abc import Iterable, Iterator

from enrich.article import EnrichedArticle
from enrich.stories.grouping import Assignment, Grouping, StorySettings


def group(articles: Iterable[EnrichedArticle], settings: StorySettings | None = None) -> Iterator[Assignment]:
    """One assignment an article, in order, with every merge applied: the same online pass as the stage's.

    Only a merge lets a later article change where an earlier one stands, so all are read before the first is given.
    """
    grouping = Grouping(settings or StorySettings())
    assigned: list[Assignment] = []
    kept: dict[str, str] = {}
    for enriched in articles:
        found = grouping.assign(enriched.article.id, enriched.keys, enriched.language.code, enriched.keys.day)
        kept.update({gone: found.story for gone, _ in found.merged})
        assigned.append(found)
    for found in assigned:
        story = found.story
        while story in kept:
            story = kept[story]
        yield Assignment(article=found.article, story=story, copy_of=found.copy_of, score=found.score)
