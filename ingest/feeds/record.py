"""What came of a poll -> the ledger and [entries], in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, insert, select, update

from ingest import wire
from ingest.clock import to_ms
from ingest.entry import Entry, Origin
from ingest.feeds import interval
from ingest.feeds.outcome import GOOD, Outcome
from ingest.feeds.parsed import ParsedEntry, ParsedFeed
from ingest.feeds.tools import CollectTools
from ingest.fetch.guard import host_of, names_loopback
from ingest.identity import digest
from ingest.ledger.tables.articles import rejected
from ingest.ledger.tables.feeds import entries as entry_table
from ingest.ledger.tables.feeds import feeds as feed_table
from ingest.ledger.tables.feeds import polls as poll_table
from ingest.rejected import reject, resolve

STAGE, TOPIC = "collect", "entries"
CHUNK = 500
KEPT = frozenset({Outcome.NOT_A_FEED, Outcome.FAILED})  # outcomes whose body is kept for people
RARE_SECONDS = 6 * 3600.0  # a feed that is gone is asked again after this at the earliest
LATE_MS = 3600 * 1000  # how long before a 304 an entry must have been published to prove it wrong
GAP_WEIGHT = 0.3  # of the newest gap between new entries, in the usual one


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What came of a poll. An outcome of NEW with `parsed` becomes a better word once the entries are compared."""

    outcome: Outcome
    at: datetime
    detail: str = ""
    trace: str = ""
    status: int | None = None
    url: str = ""  # that answered
    moved_to: str = ""
    in_full: bool = False  # nothing was said of what we have
    seconds: float = 0.0
    wire_bytes: int = 0
    wait_seconds: float = 0.0  # the server asks for it
    floor_seconds: float = 0.0  # for which the answer is fresh
    etag: str = ""
    last_modified: str = ""
    body: bytes = b""
    body_hash: str = ""
    content_type: str = ""
    parsed: ParsedFeed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """The entries of a document beside what the ledger knows."""

    new: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    overlaps: bool  # some entry was known


def record(feed: "Row[Any]", polled: Polled, tools: CollectTools) -> Outcome:
    """Writes what came of a poll, durable when it returns; gives the word for it."""
    with tools.ledger.begin("rows") as tx:
        # Read again, for lists may have changed it; held, so that another process that polled it comes after this one.
        feed = tx.execute(select(feed_table).where(feed_table.c.id == feed.id).with_for_update()).one()
        compared = _compared(tx, feed, polled, tools)
        outcome = _outcome(polled, compared)
        values = _state(feed, polled, outcome)
        if outcome in GOOD:
            values |= _after_success(feed, polled, compared, tools)
            values |= _moved(feed, polled, tools)
        else:
            values |= _after_failure(feed, polled, outcome, tools)
        if values.get("url", feed.url) != feed.url:
            values["detail"] = f"it has moved to {values['url']}"
            outcome = Outcome.MOVED if outcome is not Outcome.NEW else outcome
        values["outcome"] = outcome
        tx.execute(update(feed_table).where(feed_table.c.id == feed.id).values(values))
        _save_entries(tx, polled, compared)
        tools.send(tx, TOPIC, [(entry.key, wire.encode(entry)) for entry in (*compared.new, *compared.changed)])
        _tell_people(tx, feed, polled, outcome)
        tx.execute(insert(poll_table).values(_poll_row(feed, polled, compared, values)))
    return outcome


def _compared(tx: Connection, feed: "Row[Any]", polled: Polled, tools: CollectTools) -> _Compared:
    parsed = polled.parsed
    if parsed is None:
        return _Compared(new=(), changed=(), overlaps=False)
    known = _known(tx, [entry.id for entry in parsed.entries])
    source = feed.title or parsed.title or urlsplit(polled.url).netloc
    old = polled.at - timedelta(hours=tools.settings.old_hours) if feed.first_poll is None else None
    new, changed = [], []
    for entry in reversed(parsed.entries):  # feeds show the newest first, and what came first goes first
        before = known.get(entry.id)
        if before is None:
            is_old = old is not None and entry.published is not None and entry.published.value < old
            origin = Origin.FIRST_POLL if is_old else Origin.LIVE
            new.append(_entry(feed, entry, source, origin, polled.at))
        elif before[0] != entry.content_hash:
            changed.append(_entry(feed, entry, source, Origin(before[1]), polled.at))
    return _Compared(new=tuple(new), changed=tuple(changed), overlaps=bool(known))


def _known(tx: Connection, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    rows, found = entry_table.c, dict[str, tuple[str, str]]()
    for start in range(0, len(names), CHUNK):
        query = select(rows.id, rows.content_hash, rows.origin).where(rows.id.in_(names[start : start + CHUNK]))
        found.update({row.id: (row.content_hash, row.origin) for row in tx.execute(query)})
    return found


def _entry(feed: "Row[Any]", entry: ParsedEntry, source: str, origin: Origin, seen: datetime) -> Entry:
    return Entry(
        id=entry.id,
        feed=feed.id,
        source=source,
        link=entry.link,
        url=entry.url,
        title=entry.title,
        summary=entry.summary,
        content=entry.content,
        language=entry.language or feed.language,
        author=entry.author,
        published=entry.published,
        content_hash=entry.content_hash,
        origin=origin,
        seen=seen,
    )


def _outcome(polled: Polled, compared: _Compared) -> Outcome:
    if polled.parsed is None:
        return polled.outcome
    if compared.new or compared.changed:
        return Outcome.NEW
    return Outcome.NOTHING_NEW if polled.parsed.entries or polled.parsed.bad else Outcome.NO_ENTRIES


def _state(feed: "Row[Any]", polled: Polled, outcome: Outcome) -> dict[str, Any]:
    at = to_ms(polled.at)
    values: dict[str, Any] = {"last_poll": at, "detail": polled.detail[:500], "lease": 0}
    if polled.in_full and outcome in GOOD:
        values["last_probe"] = at
    return values


def _after_success(feed: "Row[Any]", polled: Polled, compared: _Compared, tools: CollectTools) -> dict[str, Any]:
    at, parsed, new = to_ms(polled.at), polled.parsed, len(compared.new)
    values: dict[str, Any] = {"failures": 0, "last_success": at}
    is_first = feed.first_poll is None
    missed = parsed is not None and bool(parsed.entries) and not compared.overlaps and feed.entries > 0 and not is_first
    values |= _next_poll(feed, polled, 0 if is_first else new, missed, tools)
    if polled.outcome is Outcome.UNCHANGED:
        values |= {"etag": polled.etag, "last_modified": polled.last_modified}
    if parsed is None:
        return values
    values |= {
        "title": feed.title or parsed.title,
        "site": parsed.site or feed.site,
        "language": feed.language or parsed.language,
        "first_poll": feed.first_poll or (at if parsed.entries else None),  # an empty one tells no backlog
        "entries": feed.entries + new,
        "capped": parsed.capped,
        "missed": feed.missed + missed,
    }
    values |= _validators(polled, parsed)
    if new:
        values |= {"last_new": at, "gap_seconds": _gap(feed, at, is_first=is_first)}
    if _was_wrong(feed, polled, compared.new):
        values["distrusted"] = at
    return values


def _validators(polled: Polled, parsed: ParsedFeed) -> dict[str, str]:
    """What may be said at the next poll: nothing after a document that was short or could not be read whole."""
    if parsed.whole and parsed.entries and not parsed.detail:
        return {"etag": polled.etag, "last_modified": polled.last_modified, "body_hash": polled.body_hash}
    return {"etag": "", "last_modified": "", "body_hash": ""}


def _gap(feed: "Row[Any]", at: int, *, is_first: bool) -> float:
    if is_first or feed.last_new is None:
        return float(feed.gap_seconds)
    gap = (at - feed.last_new) / 1000
    return gap if not feed.gap_seconds else float(feed.gap_seconds * (1 - GAP_WEIGHT) + gap * GAP_WEIGHT)


def _was_wrong(feed: "Row[Any]", polled: Polled, new: Sequence[Entry]) -> bool:
    """Whether the 304 before this poll in full hid entries.

    Either the server names the same version for another content, or what it shows now was published between the last
    new entries and well before that 304. A wrong suspicion costs requests in full, and loses nothing.
    """
    if feed.outcome != Outcome.NOT_MODIFIED or not polled.in_full or not new:
        return False
    before = feed.etag or feed.last_modified
    if before and before == (polled.etag if feed.etag else polled.last_modified):
        return True
    dates = [to_ms(entry.published.value) for entry in new if entry.published is not None]
    read = max(feed.last_probe or 0, feed.last_new or 0)
    return any(read < date < feed.last_poll - LATE_MS for date in dates)


def _bounds(feed: "Row[Any]", tools: CollectTools) -> tuple[interval.Bounds, bool]:
    try:
        is_own = tools.allow_loopback and names_loopback(host_of(feed.url))
    except ValueError:
        is_own = False
    return interval.bounds(tools.settings, is_own=is_own), is_own


def _next_poll(feed: "Row[Any]", polled: Polled, new: int, missed: bool, tools: CollectTools) -> dict[str, Any]:
    bounds, is_own = _bounds(feed, tools)
    learned = bounds.first
    if feed.interval_seconds:
        learned = interval.learned(feed.interval_seconds, new, missed=missed, bounds=bounds)
    asked = max(polled.floor_seconds, polled.parsed.floor_seconds if polled.parsed else 0.0)
    chosen, floor = learned, 0.0 if is_own else asked
    if feed.wanted_seconds:  # what the operator says stands above what is learned and what the feed asks for
        chosen, floor = feed.wanted_seconds, 0.0
    seconds = interval.wait(chosen, floor, tools.random, bounds)
    return {"interval_seconds": learned, "next_poll": to_ms(polled.at + timedelta(seconds=seconds))}


def _after_failure(feed: "Row[Any]", polled: Polled, outcome: Outcome, tools: CollectTools) -> dict[str, Any]:
    bounds, is_own = _bounds(feed, tools)
    usual = feed.wanted_seconds or feed.interval_seconds or bounds.first
    if outcome in (Outcome.GONE, Outcome.NOT_FOUND) and not is_own:
        usual = max(usual, RARE_SECONDS)
    seconds = interval.wait_after_failures(usual, feed.failures + 1, tools.random, bounds)
    due = polled.at + timedelta(seconds=max(seconds, polled.wait_seconds))
    return {"failures": feed.failures + 1, "next_poll": to_ms(due)}


def _moved(feed: "Row[Any]", polled: Polled, tools: CollectTools) -> dict[str, Any]:
    """What is kept of a permanent redirect; the address changes once it was said often enough for long enough."""
    target = polled.moved_to
    if not target or target == feed.url:
        return {"moved_to": "", "moved_times": 0, "moved_since": None}
    times, since = (feed.moved_times + 1, feed.moved_since) if target == feed.moved_to else (1, to_ms(polled.at))
    settings = tools.settings
    if times >= settings.move_times and to_ms(polled.at) - since >= settings.move_seconds * 1000:
        return {"url": target, "moved_to": "", "moved_times": 0, "moved_since": None, "distrusted": None}
    return {"moved_to": target, "moved_times": times, "moved_since": since}


def _save_entries(tx: Connection, polled: Polled, compared: _Compared) -> None:
    parsed, at, rows = polled.parsed, to_ms(polled.at), entry_table.c
    if parsed is None:
        return
    names = [entry.id for entry in parsed.entries]
    for start in range(0, len(names), CHUNK):
        tx.execute(update(entry_table).where(rows.id.in_(names[start : start + CHUNK])).values(last_seen=at))
    for entry in compared.changed:
        told = {"content_hash": entry.content_hash, "link": entry.link, "article": digest(entry.url)}
        tx.execute(update(entry_table).where(rows.id == entry.id).values(told))
    if compared.new:
        tx.execute(insert(entry_table), [_entry_row(entry, at) for entry in compared.new])


def _entry_row(entry: Entry, at: int) -> dict[str, Any]:
    return {
        "id": entry.id,
        "feed": entry.feed,
        "link": entry.link,
        "article": digest(entry.url),
        "content_hash": entry.content_hash,
        "origin": entry.origin,
        "first_seen": at,
        "last_seen": at,
    }


def _tell_people(tx: Connection, feed: "Row[Any]", polled: Polled, outcome: Outcome) -> None:
    """Sets aside what could not be read, and closes what was set aside before and is read now."""
    parsed, at = polled.parsed, to_ms(polled.at)
    where = {"stage": STAGE, "feed": feed.id, "url": polled.url or feed.url, "at_ms": at}
    if parsed is None:
        if outcome in KEPT:
            kind, reason = polled.content_type, polled.detail or outcome
            _reject(tx, where, feed.id, reason, polled.trace, kind=kind, data=polled.body)
        elif outcome in GOOD:
            resolve(tx, stage=STAGE, records=[feed.id])
        return
    rows = rejected.c
    retried = update(rejected).where(rows.stage == STAGE, rows.feed == feed.id, rows.state == "retried")
    tx.execute(retried.values(state="resolved"))  # what is still bad is set aside anew below
    read = [feed.id, *(entry.id for entry in parsed.entries)]
    for start in range(0, len(read), CHUNK):
        resolve(tx, stage=STAGE, records=read[start : start + CHUNK])
    for bad in parsed.bad:
        _reject(tx, where, bad.record, bad.reason, bad.detail, kind="application/xml", data=bad.data)


def _reject(
    tx: Connection, where: Mapping[str, Any], name: str, reason: str, detail: str, *, kind: str, data: bytes
) -> None:
    reject(tx, record=name, reason=reason, detail=detail, kind=kind, data=data, **where)


def _poll_row(feed: "Row[Any]", polled: Polled, compared: _Compared, values: Mapping[str, Any]) -> dict[str, Any]:
    parsed = polled.parsed
    return {
        "feed": feed.id,
        "at": to_ms(polled.at),
        "outcome": values["outcome"],
        "status": polled.status,
        "entries": len(parsed.entries) if parsed else 0,
        "new": len(compared.new),
        "changed": len(compared.changed),
        "capped": parsed.capped if parsed else 0,
        "cut": parsed.cut if parsed else 0,
        "failed": len(parsed.bad) if parsed else 0,
        "bytes": polled.wire_bytes,
        "seconds": polled.seconds,
        "detail": values["detail"],
    }
