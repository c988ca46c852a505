"""Visits -> what each page says, read in children that may die of it, or what its entry says, or why neither."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from sqlalchemy import select

from ingest.archive import Capture
from ingest.ledger.tables.articles import articles
from ingest.pages.tools import ENTRY_JOB, PAGE_JOB, Extraction, Tools
from ingest.pages.visit import Failure, Kind, Visit
from ingest.queue import Delay, Fetch, count_death, pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What people should see of a page that could not be read."""

    reason: str
    detail: str = ""
    kind: str = ""  # content type of `data`
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What became of one visit: words, a later try, or a problem with neither."""

    fetch: Fetch
    said: Extraction | None = None
    url: str = ""  # that answered
    archive: str = ""
    withdrawn: bool = False  # the page is gone: `said` is what it said before, if that could be read
    later: Delay | None = None
    problem: str = ""  # why the page itself was not read
    kept: Kept | None = None


async def read(visits: Sequence[Visit], tools: Tools) -> list[Reading]:
    """One reading for each visit, in order.

    Bytes are in the archive before anything reads them. Where the page cannot be had, the entry's own text stands in;
    not for a check, which looks at what is known already.
    Raises: Abort if the archive cannot be written.
    """
    captures = [visit.capture for visit in visits if visit.capture is not None]
    references = iter(await asyncio.to_thread(tools.archive.append, captures))
    readings = [
        _without_page(visit, visit.failure, tools)
        if visit.failure is not None
        else Reading(fetch=visit.fetch, url=_capture(visit).url, archive=next(references))
        for visit in visits
    ]
    gone = await asyncio.to_thread(_last_captures, [reading for reading in readings if reading.withdrawn], tools)
    pages = [
        (number, visit.capture or gone[visit.fetch.id])
        for number, visit in enumerate(visits)
        if visit.capture is not None or visit.fetch.id in gone
    ]
    for number, reading in await _read_pages([(number, readings[number], page) for number, page in pages], tools):
        readings[number] = reading
    return await _with_own_words(readings, tools)


async def answers(job: str, items: Sequence[object], tools: Tools) -> list[object]:
    """A child's answer for each item, in order; what kills its child is tried alone until its attempts are used up."""
    found = list(await tools.children.run(job, items)) if items else []
    for number, answer in enumerate(found):
        tries = 1
        while _died(answer) and tries < tools.settings.queue.deaths:
            (answer,) = await tools.children.run(job, [items[number]])
            tries += 1
        found[number] = answer
    return found


def _capture(visit: Visit) -> Capture:
    if visit.capture is None:
        raise ValueError(f"a visit without page and without failure: {visit.fetch.id}")
    return visit.capture


def _without_page(visit: Visit, failure: Failure, tools: Tools) -> Reading:
    fetch, settings = visit.fetch, tools.settings.queue
    if failure.kind is Kind.GONE and fetch.is_check:
        return Reading(fetch=fetch, withdrawn=True, problem=failure.reason)
    if failure.kind is Kind.LATER and fetch.attempts < settings.attempts:
        wait = max(failure.after_seconds, pause(fetch.attempts, tools.random, settings), 1.0)
        later = Delay(id=fetch.id, due=tools.now() + timedelta(seconds=wait), detail=failure.reason)
        return Reading(fetch=fetch, later=later)
    tried = f", {fetch.attempts} times" if failure.kind is Kind.LATER else ""
    return Reading(fetch=fetch, problem=f"{failure.reason}{tried}")


def _last_captures(withdrawn: Sequence[Reading], tools: Tools) -> dict[str, Capture]:
    """The pages as they were archived when last published, by fetch; those that are still there."""
    names = {reading.fetch.article: reading.fetch.id for reading in withdrawn}
    found: dict[str, Capture] = {}
    if names:
        with tools.ledger.read() as connection:
            query = select(articles.c.id, articles.c.archive).where(articles.c.id.in_(tuple(names)))
            references = connection.execute(query.where(articles.c.archive != "")).all()
        for article, reference in references:
            try:
                found[names[article]] = tools.archive.record(reference)
            except (OSError, ValueError):
                continue  # swept: the withdrawal is published without the text
    return found


async def _read_pages(pages: Sequence[tuple[int, Reading, Capture]], tools: Tools) -> list[tuple[int, Reading]]:
    """Together where nothing is known against them, alone where a child died of them before."""
    together = [page for page in pages if not page[1].fetch.deaths]
    alone = [page for page in pages if page[1].fetch.deaths]
    counts: dict[int, int] = {}

    def count(index: int) -> None:
        counts[index] = count_death(tools.ledger, together[index][1].fetch.id)

    items = [tools.page(page, reading.fetch.entry) for _, reading, page in together]
    results = await tools.children.run(PAGE_JOB, items, before_alone=count) if items else []
    done: list[tuple[int, Reading]] = []
    for index, ((number, reading, page), result) in enumerate(zip(together, results, strict=True)):
        if _died(result):
            fetch = replace(reading.fetch, deaths=counts.get(index, 1))
            alone.append((number, replace(reading, fetch=fetch), page))
        else:
            done.append((number, _judged(reading, page, result)))
    for number, reading, page in alone:
        done.append((number, await _read_alone(reading, page, tools)))
    return done


async def _read_alone(reading: Reading, page: Capture, tools: Tools) -> Reading:
    deaths, reason = reading.fetch.deaths, "killed the process that read it"
    while deaths < tools.settings.queue.deaths:
        deaths = await asyncio.to_thread(count_death, tools.ledger, reading.fetch.id)
        (result,) = await tools.children.run(PAGE_JOB, [tools.page(page, reading.fetch.entry)])
        if not _died(result):
            return _judged(reading, page, result)
        reason = str(getattr(result, "reason", reason))
    problem = f"reading it alone ended {deaths} processes; the last: {reason}"
    return replace(reading, problem=problem, kept=_kept(problem, page))


def _judged(reading: Reading, page: Capture, result: object) -> Reading:
    if not hasattr(result, "value"):
        problem = f"reading it failed: {getattr(result, 'reason', 'no reason given')}"
        return replace(reading, problem=problem, kept=_kept(problem, page, str(getattr(result, "detail", ""))))
    said = cast(Extraction, result.value)
    if said.text.strip():
        return replace(reading, said=said)
    problem = "no text was found on the page"
    return replace(reading, problem=reading.problem or problem)


async def _with_own_words(readings: Sequence[Reading], tools: Tools) -> list[Reading]:
    """Readings with the entry's own text where the page gave none and the entry has some."""
    asked = [
        number
        for number, reading in enumerate(readings)
        if reading.said is None and reading.later is None and _may_speak(reading)
    ]
    items = [readings[number].fetch.entry for number in asked]
    results = await tools.children.run(ENTRY_JOB, items) if items else []
    answered = list(readings)
    for number, result in zip(asked, results, strict=True):
        said = cast(Extraction | None, getattr(result, "value", None))
        if said is not None and said.text.strip():
            answered[number] = replace(answered[number], said=said, archive="")
    return answered


def _may_speak(reading: Reading) -> bool:
    entry = reading.fetch.entry
    return (reading.withdrawn or not reading.fetch.is_check) and bool(entry.content or entry.summary)


def _died(result: object) -> bool:
    return type(result).__name__ == "Died"


def _kept(problem: str, page: Capture, detail: str = "") -> Kept:
    kind = page.headers.get("content-type", "text/html")
    return Kept(reason=problem, detail=detail, kind=kind, data=page.body)
