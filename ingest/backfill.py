"""What was captured before, or is only an address -> the route, as what it is; what the ledger has stays as it is."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from ingest import wire
from ingest.archive import Capture
from ingest.children import Died, Done, Failed
from ingest.clock import to_ms
from ingest.entry import Entry, Origin
from ingest.fetch.guard import check_url
from ingest.fetch.settings import FetchSettings
from ingest.identity import digest
from ingest.ledger.tables.articles import rejected as rejected_table
from ingest.ledger.tables.feeds import entries, fetches
from ingest.links import clean_link, site_of
from ingest.pages.identity import load
from ingest.pages.publish import publish
from ingest.pages.reading import Kept, Reading, answers
from ingest.pages.tools import PAGE_JOB, Tools
from ingest.queue import IN_FLIGHT, Fetch, State, insert_rows
from ingest.verdict import Reject

TOPIC, REASON = "entries", "backfill"
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What came of one address."""

    url: str
    outcome: str  # queued | waiting | published | known | same | rejected | refused
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A page as it was captured, where its bytes stand in the archive, and when it arrived."""

    capture: Capture
    archive: str
    seen: datetime


def entry_of(url: str, seen: datetime, origin: Origin) -> Entry:
    """An entry that stands for an address alone: no feed told of it.

    Raises: Reject saying why nothing at this address is fetched.
    """
    cleaned = clean_link(url)
    return Entry(
        id=digest(REASON, cleaned),
        feed="",
        source=site_of(cleaned),
        link=url,
        url=cleaned,
        title="",
        content_hash=digest(REASON, cleaned),
        origin=origin,
        seen=seen,
    )


def known(connection: Connection, urls: Collection[str]) -> set[str]:
    """Those of `urls` (cleaned) under which the ledger has an article."""
    directory = load(connection, {digest(url) for url in urls}, urls)
    return {url for url in urls if digest(url) in directory.articles or url in directory.aliases}


def queue_addresses(urls: Sequence[str], tools: Tools, settings: FetchSettings, origin: Origin) -> list[Fate]:
    """Puts addresses on the route, in one transaction; gives for each, in order, what came of it.

    An address that was put there before is not put there again: it says what became of it.
    """
    now = tools.now()
    fates, given = dict[str, Fate](), dict[str, Entry]()
    for url in dict.fromkeys(urls):
        try:
            given[url] = entry_of(check_url(url, settings), now, origin)
        except Reject as verdict:
            fates[url] = Fate(url=url, outcome="refused", detail=str(verdict))
    with tools.ledger.begin() as transaction:
        there = known(transaction, {entry.url for entry in given.values()})
        before = _before(transaction, {entry.id for entry in given.values()})
        fresh = dict[str, Entry]()
        for url, entry in given.items():
            if entry.id in before:
                fates[url] = _stands(url, *before[entry.id])
            elif entry.url in there:
                fates[url] = Fate(url=url, outcome="known")
            else:
                fates[url] = Fate(url=url, outcome="queued")
                fresh[entry.id] = entry
        _note(transaction, fresh.values())
        tools.send(transaction, TOPIC, [(entry.key, wire.encode(entry)) for entry in fresh.values()])
    return [fates[url] for url in dict.fromkeys(urls)]


async def publish_captures(
    captured: Sequence[Captured], tools: Tools, origin: Origin
) -> tuple[Counter[str], list[Fate]]:
    """Reads pages out of their captures and publishes them, a batch in one transaction.

    Gives how many came out how, and those that could not be read. The caller leaves out what is known.
    """
    readings = await _read(captured, tools, origin)
    counts = await asyncio.to_thread(_publish, readings, tools)
    bad = [
        Fate(url=reading.fetch.entry.url, outcome="rejected", detail=reading.problem)
        for reading in readings
        if reading.problem
    ]
    words = {State.DONE: "published", State.UNCHANGED: "known"}
    return Counter({words.get(State(state), state): count for state, count in counts.items() if count}), bad


async def _read(captured: Sequence[Captured], tools: Tools, origin: Origin) -> list[Reading]:
    fetches_ = [_fetch(entry_of(one.capture.url, one.seen, origin)) for one in captured]
    items = [tools.page(one.capture, fetch.entry) for one, fetch in zip(captured, fetches_, strict=True)]
    return [_reading(*both) for both in zip(captured, fetches_, await answers(PAGE_JOB, items, tools), strict=True)]


def _reading(one: Captured, fetch: Fetch, answer: object) -> Reading:
    said = answer.value if isinstance(answer, Done) else None
    reading = Reading(fetch=fetch, said=said, url=one.capture.url, archive=one.archive)  # type: ignore[arg-type]  # the job gives an Extraction
    if reading.said is not None and reading.said.text.strip():
        return reading
    problem = "no text was found on the page"
    if isinstance(answer, Failed | Died):
        problem = f"reading it failed: {answer.reason}"
    kept = Kept(reason=problem, kind=one.capture.headers.get("content-type", "text/html"), data=one.capture.body)
    return Reading(fetch=fetch, url=one.capture.url, archive=one.archive, problem=problem, kept=kept)


def _publish(readings: Sequence[Reading], tools: Tools) -> Counter[str]:
    with tools.ledger.begin() as transaction:
        _note(transaction, [reading.fetch.entry for reading in readings])
        insert_rows(transaction, (_row(reading.fetch) for reading in readings))
        counts = publish(readings, tools)  # joins this transaction
    return Counter({state: count for state, count in counts.items() if state != "later"})


def _fetch(entry: Entry) -> Fetch:
    name = digest(entry.id, entry.content_hash)  # as the queue names it
    return Fetch(id=name, entry=entry, article=digest(entry.url), reason=REASON, attempts=1, deaths=0)


def _row(fetch: Fetch) -> dict[str, object]:
    entry = fetch.entry
    return {
        "id": fetch.id,
        "entry": entry.id,
        "article": fetch.article,
        "url": entry.url,
        "host": entry.key,
        "reason": REASON,
        "state": State.LEASED,  # until `publish` ends it in the same transaction
        "due": to_ms(entry.seen),
        "attempts": 1,
        "record": wire.encode(entry),
        "at": to_ms(entry.seen),
    }


def _note(transaction: Connection, given: Iterable[Entry]) -> None:
    """Has the account know the entries from now on."""
    rows = entries.c
    made = {entry.id: entry for entry in given}
    there = {
        name
        for names in _chunks(sorted(made))
        for name in transaction.execute(select(rows.id).where(rows.id.in_(names))).scalars()
    }
    fresh = [
        {
            "id": entry.id,
            "feed": "",
            "link": entry.link,
            "article": digest(entry.url),
            "content_hash": entry.content_hash,
            "origin": entry.origin,
            "first_seen": to_ms(entry.seen),
            "last_seen": to_ms(entry.seen),
        }
        for entry in made.values()
        if entry.id not in there
    ]
    if fresh:
        transaction.execute(insert(entries), fresh)


def _before(transaction: Connection, names: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """State and reason of the entries that were put on the route before."""
    found: dict[str, tuple[str, str]] = {}
    for some in _chunks(sorted(names)):
        rows, kept, waits = entries.c, fetches.c, rejected_table.c
        found |= dict.fromkeys(transaction.execute(select(rows.id).where(rows.id.in_(some))).scalars(), ("", ""))
        query = select(kept.entry, kept.state, kept.detail).where(
            kept.entry.in_(some), ~kept.reason.startswith("check-")
        )
        found |= {row.entry: (row.state, row.detail) for row in transaction.execute(query.order_by(kept.at, kept.id))}
        why = select(waits.record, waits.reason).where(waits.record.in_(some), waits.state == "open")
        found |= {row.record: (State.REJECTED, row.reason) for row in transaction.execute(why)}
    return found


def _stands(url: str, state: str, detail: str) -> Fate:
    words = {State.DONE: "published", State.UNCHANGED: "known", State.SAME: "same", State.REJECTED: "rejected"}
    waits = not state or state in IN_FLIGHT
    return Fate(url=url, outcome="waiting" if waits else words[State(state)], detail=detail)


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]
