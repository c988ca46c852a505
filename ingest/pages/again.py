"""Articles that the ledger has -> the same records once more, read out of the archive or out of their entries."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from sqlalchemy import Connection, Row, select

from ingest.archive import Capture
from ingest.article import Article
from ingest.clock import from_ms
from ingest.entry import Entry, Origin
from ingest.identity import digest
from ingest.ledger.tables.articles import articles
from ingest.ledger.tables.feeds import fetches
from ingest.pages.publish import addresses_of, article_of, withdrawn_article
from ingest.pages.reading import Reading, answers
from ingest.pages.tools import ENTRY_JOB, PAGE_JOB, Extraction, Tools
from ingest.queue import Fetch, State, fetch_of

REASON = "again"  # of a fetch whose own row retention has taken


@dataclass(slots=True, kw_only=True)
class ReadAgain:
    """What became of each article that was asked for."""

    articles: list[Article] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)  # of them: ids whose text is not what was published
    lost: dict[str, str] = field(default_factory=dict)  # id -> why there is nothing to read


@dataclass(slots=True, kw_only=True)
class _Standing:
    """An article as the ledger has it, and what is read of it."""

    row: Row[tuple[object, ...]]
    reading: Reading
    capture: Capture | None = None
    problem: str = ""


async def read_again(ids: Sequence[str], tools: Tools) -> ReadAgain:
    """The newest revision of each article, its id, revision and time as in the ledger; nothing there changes.

    Where the page is not in the archive any more, what its feed told stands in.
    """
    standing = await asyncio.to_thread(_standing, ids, tools)
    found = ReadAgain(lost={name: "the ledger does not know it" for name in ids if name not in standing})
    await _read_pages([one for one in standing.values() if one.capture is not None], tools)
    await _read_entries([one for one in standing.values() if one.reading.said is None], tools)
    for name, one in standing.items():
        article = _article(one, tools)
        if article is None:
            found.lost[name] = one.problem or "its feed told no text, and its page is not in the archive"
            continue
        found.articles.append(article)
        if not article.withdrawn and digest(article.title, article.text) != one.row.text_hash:
            found.changed.append(name)
    return found


def _standing(ids: Sequence[str], tools: Tools) -> dict[str, _Standing]:
    with tools.ledger.read() as connection:
        rows = connection.execute(select(articles).where(articles.c.id.in_(ids))).all()
        published = _published(connection, ids)
    found = {}
    for row in rows:
        fetch = published.get(row.id) or _stand_in(row)
        one = _Standing(row=row, reading=Reading(fetch=fetch, archive=row.archive))
        if row.archive:
            try:
                one.capture = tools.archive.record(row.archive)
                one.reading = replace(one.reading, url=one.capture.url)
            except (OSError, ValueError) as error:
                one.problem = f"its page cannot be read from the archive: {error}"
        found[row.id] = one
    return found


def _published(connection: Connection, ids: Sequence[str]) -> Mapping[str, Fetch]:
    """The fetch that published the newest revision, by article."""
    rows = fetches.c
    query = select(fetches).where(rows.article.in_(ids), rows.state == State.DONE)
    return {row.article: fetch_of(row) for row in connection.execute(query.order_by(rows.finished, rows.at))}


def _stand_in(row: Row[tuple[object, ...]]) -> Fetch:
    entry = Entry(
        id=digest(REASON, row.url),
        feed=row.feed,
        source=row.source,
        link=row.url,
        url=row.url,
        title=row.title,
        content_hash="",
        origin=Origin(row.origin),
        seen=from_ms(row.seen),
    )
    return Fetch(id=digest(REASON, row.id), entry=entry, article=row.id, reason=REASON, attempts=1, deaths=0)


async def _read_pages(pages: Sequence[_Standing], tools: Tools) -> None:
    items = [tools.page(one.capture, one.reading.fetch.entry) for one in pages if one.capture is not None]
    for one, answer in zip(pages, await answers(PAGE_JOB, items, tools), strict=True):
        _take(one, answer, "its page")


async def _read_entries(silent: Sequence[_Standing], tools: Tools) -> None:
    told = [one for one in silent if one.reading.fetch.entry.content or one.reading.fetch.entry.summary]
    items = [one.reading.fetch.entry for one in told]
    for one, answer in zip(told, await answers(ENTRY_JOB, items, tools), strict=True):
        _take(one, answer, "what its feed told")
        if one.reading.said is not None:
            one.reading = replace(one.reading, archive="")


def _take(one: _Standing, answer: object, what: str) -> None:
    said = cast(Extraction | None, getattr(answer, "value", None))
    if said is not None and said.text.strip():
        one.reading = replace(one.reading, said=said)
    elif reason := getattr(answer, "reason", ""):
        one.problem = f"reading {what} failed: {reason}"
    else:
        one.problem = f"no text was found in {what}"


def _article(one: _Standing, tools: Tools) -> Article | None:
    row, reading = one.row, one.reading
    changed = from_ms(row.changed)
    if row.state == "withdrawn":
        return withdrawn_article(reading, title=row.title, path=row.path, revision=row.revision, now=changed)
    if reading.said is None:
        return None
    return article_of(reading, reading.said, addresses_of(reading, tools), revision=row.revision, now=changed)
