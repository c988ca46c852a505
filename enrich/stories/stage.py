"""[enriched] -> [told]: each article in its story, the assignment a fact in the ledger."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from enrich.article import EnrichedArticle, StoryKeys, ToldArticle
from enrich.stories.grouping import Assignment, Grouping, StorySettings, new_in_story
from enrich.stories.keys import SECONDS_A_DAY
from ingest import wire
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import stories as tables
from ingest.ledger.upsert import upsert

MS_A_DAY = SECONDS_A_DAY * 1000


class StoriesStage:
    """One logical consumer: assignments depend on the order of arrival, so only one of these may run on a ledger.

    An article that the ledger knows keeps its story: nothing is computed again on replay.
    """

    def __init__(self, ledger: Ledger, settings: StorySettings | None = None, clock: Clock = now) -> None:
        self._ledger, self._clock = ledger, clock
        self._settings = settings or StorySettings()
        self._grouping: Grouping | None = None
        self._last = ""  # the article that was assigned last: missing from the ledger if its transaction was undone

    def handle(self, transaction: Connection, batch: Sequence[EnrichedArticle]) -> list[ToldArticle]:
        """The batch in its stories, in order; writes the assignments within `transaction`."""
        grouping = self._memory(transaction)
        known = _members(transaction, {enriched.article.id for enriched in batch})
        told: list[ToldArticle] = []
        try:
            for enriched in batch:
                again = any(enriched.article.id == one.enriched.article.id for one in told)
                member = _member(transaction, enriched.article.id) if again else known.get(enriched.article.id)
                told.append(self._tell(transaction, grouping, enriched, member))
            return told
        except BaseException:
            self._grouping = None  # it may remember what the ledger will not
            raise

    def _memory(self, transaction: Connection) -> Grouping:
        undone = self._last and _member(transaction, self._last) is None
        if self._grouping is None or undone:
            self._grouping = self._recall(transaction)
            self._last = ""
        return self._grouping

    def _recall(self, transaction: Connection) -> Grouping:
        grouping = Grouping(self._settings)
        since = to_ms(self._clock()) - self._settings.keep_days * MS_A_DAY
        rows = tables.members.c
        query = select(tables.members).where(rows.seen >= since, rows.evidence.is_not(None)).order_by(rows.number)
        for row in transaction.execute(query):
            found = Assignment(article=row.article, story=kept_story(transaction, row.story), copy_of=row.copy_of)
            grouping.recall(found, wire.decode(row.evidence, StoryKeys), row.language, row.seen // MS_A_DAY)
        return grouping

    def _tell(
        self, transaction: Connection, grouping: Grouping, enriched: EnrichedArticle, known: Row[Any] | None
    ) -> ToldArticle:
        article = enriched.article
        if known is not None:
            return _tell_again(transaction, enriched, known)
        assignment = grouping.assign(article.id, enriched.keys, enriched.language.code, to_ms(article.seen) // MS_A_DAY)
        self._last = article.id
        earlier = grouping.events(assignment.story)[:-1]
        new = ("same text",) if assignment.copy_of else new_in_story(earlier, enriched.keys.events)
        _write(transaction, enriched, assignment, new, to_ms(self._clock()))
        return ToldArticle(
            enriched=enriched,
            story=assignment.story,
            copy_of=assignment.copy_of,
            new=new,
            joined=assignment.joined,
            related=tuple(name for name, _ in assignment.related),
            merged=tuple(name for name, _ in assignment.merged),
        )


def told_before(connection: Connection, batch: Sequence[EnrichedArticle]) -> dict[str, ToldArticle]:
    """Articles as they were told, by id, without those that were not told yet; only reads."""
    known = _members(connection, {enriched.article.id for enriched in batch})
    return {
        enriched.article.id: _as_known(connection, enriched, member, tuple(member.new.splitlines()))
        for enriched in batch
        if (member := known.get(enriched.article.id)) is not None
    }


def kept_story(transaction: Connection, story: str) -> str:
    """The story that `story` was merged into, itself where it was not."""
    rows = tables.story_aliases.c
    while kept := transaction.execute(select(rows.kept).where(rows.gone == story)).scalar():
        story = kept
    return story


def _members(transaction: Connection, articles: Collection[str]) -> dict[str, Row[Any]]:
    rows = transaction.execute(select(tables.members).where(tables.members.c.article.in_(articles)))
    return {row.article: row for row in rows}


def _member(transaction: Connection, article: str) -> Row[Any] | None:
    return transaction.execute(select(tables.members).where(tables.members.c.article == article)).one_or_none()


def _tell_again(transaction: Connection, enriched: EnrichedArticle, known: Row[Any]) -> ToldArticle:
    """A new revision, or the same record once more: the story stays, only what is new is told."""
    revision = enriched.article.revision
    new = tuple(known.new.splitlines())
    if revision > known.revision:
        before = [wire.decode(known.evidence, StoryKeys).events] if known.evidence else []
        said = "withdrawn" if enriched.article.withdrawn else f"edited, revision {revision}"
        new = (said, *(new_in_story(before, enriched.keys.events) if before else ()))
        transaction.execute(
            update(tables.members)
            .where(tables.members.c.article == known.article)
            .values(revision=revision, evidence=wire.encode(enriched.keys), new="\n".join(new))
        )
    return _as_known(transaction, enriched, known, new)


def _as_known(transaction: Connection, enriched: EnrichedArticle, known: Row[Any], new: tuple[str, ...]) -> ToldArticle:
    aliases = tables.story_aliases.c
    merged = transaction.execute(select(aliases.gone).where(aliases.article == known.article)).scalars()
    links = tables.story_links.c
    same_affair = select(links.other).where(links.story == known.story).order_by(links.score.desc(), links.other)
    related = transaction.execute(same_affair).scalars()
    return ToldArticle(
        enriched=enriched,
        story=kept_story(transaction, known.story),
        copy_of=known.copy_of,
        new=new,
        joined=tuple(known.joined.splitlines()),
        related=tuple(related),
        merged=tuple(merged),
    )


def _write(
    transaction: Connection, enriched: EnrichedArticle, assignment: Assignment, new: tuple[str, ...], at: int
) -> None:
    seen = to_ms(enriched.article.seen)
    transaction.execute(
        upsert(transaction, tables.members).values(
            article=assignment.article,
            story=assignment.story,
            copy_of=assignment.copy_of,
            revision=enriched.article.revision,
            score=assignment.score,
            joined="\n".join(assignment.joined),
            new="\n".join(new),
            language=enriched.language.code,
            seen=seen,
            evidence=wire.encode(enriched.keys),
        )
    )
    row = {
        "id": assignment.story,
        "title": enriched.article.title,
        "first_seen": seen,
        "last_seen": seen,
        "size": 1,
    }
    stories = tables.stories.c
    transaction.execute(
        upsert(transaction, tables.stories)
        .values(row)
        .on_conflict_do_update(index_elements=["id"], set_={"size": stories.size + 1, "last_seen": seen})
    )
    for gone, value in assignment.merged:
        _write_merge(transaction, gone, assignment, value, at)
    for other, value in assignment.related:
        link = {"story": assignment.story, "other": other, "score": value, "at": at}
        transaction.execute(upsert(transaction, tables.story_links).values(link).on_conflict_do_nothing())


def _write_merge(transaction: Connection, gone: str, assignment: Assignment, value: float, at: int) -> None:
    alias = {"gone": gone, "kept": assignment.story, "article": assignment.article, "score": value, "at": at}
    transaction.execute(upsert(transaction, tables.story_aliases).values(alias).on_conflict_do_nothing())
    stories = tables.stories
    size = select(stories.c.size).where(stories.c.id == gone).scalar_subquery()
    transaction.execute(
        update(stories).where(stories.c.id == assignment.story).values(size=stories.c.size + func.coalesce(size, 0))
    )
    transaction.execute(update(stories).where(stories.c.id == gone).values(size=0))
