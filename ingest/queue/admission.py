"""[entries] -> rows of the fetch queue: each entry once for each of its versions, each article once in a while."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from ingest import wire
from ingest.clock import to_ms
from ingest.entry import Entry, Origin
from ingest.identity import digest
from ingest.ledger.tables.feeds import fetches
from ingest.queue.records import State
from ingest.queue.work import insert_rows

WINDOW_MS = 24 * 3600 * 1000  # within it, entries that tell the same of one article share one fetch
CHUNK = 500
STANDS = (State.WAITING, State.LEASED, State.DONE, State.UNCHANGED)
OLD = {Origin.FIRST_POLL: "first-poll", Origin.BACKFILL: "backfill", Origin.REPLAY: "backfill"}
rows = fetches.c


@dataclass(frozen=True, slots=True)
class Admitted:
    """What came of the entries of one call."""

    waiting: int  # to be fetched
    same: int  # told already by another entry
    known: int  # admitted before


@dataclass(slots=True, kw_only=True)
class _Row:
    id: str
    entry: str
    state: str
    told: str
    at: int


def admit(tx: Connection, entries: Sequence[Entry], now: datetime) -> Admitted:
    """Writes entries into the fetch queue within `tx`; the same entries again change nothing.

    An entry whose content changed is fetched again, and one of its versions that still waits gives way to it. Where
    another entry told the same of the same article within a day, the later one is kept as `same`.
    """
    known = _known(tx, {digest(entry.url) for entry in entries})
    added: list[dict[str, object]] = []
    overtaken: set[str] = set()
    for entry in entries:
        row = _row(entry, known[digest(entry.url)], now)
        if row is None:
            continue
        siblings = known[str(row["article"])]
        overtaken |= {old.id for old in siblings if old.entry == entry.id and old.state == State.WAITING}
        siblings.append(
            _Row(
                id=str(row["id"]), entry=entry.id, state=str(row["state"]), told=str(row["told"]), at=to_ms(entry.seen)
            )
        )
        added.append(row)
    insert_rows(tx, added)
    _give_way(tx, overtaken, now)
    same = sum(row["state"] == State.SAME for row in added)
    return Admitted(len(added) - same, same, len(entries) - len(added))


def told(entry: Entry) -> str:
    """What an entry tells, as a digest: equal for two feeds that carry one article in the same words."""
    return digest(" ".join(entry.title.split()), " ".join(entry.summary.split()))


def _row(entry: Entry, siblings: Sequence[_Row], now: datetime) -> dict[str, object] | None:
    """The row for `entry`, None where it has one."""
    own = [row for row in siblings if row.entry == entry.id]
    seen, name = to_ms(entry.seen), digest(entry.id, entry.content_hash)
    latest = max((row.at for row in own), default=0)
    if any(row.id == name for row in own):
        # The feed went back to an earlier version: told from a redelivery by a version in between.
        name_again = digest(entry.id, entry.content_hash, str(seen))
        newest = max(own, key=lambda row: row.at)
        if seen <= latest or newest.id == name or any(row.id == name_again for row in own):
            return None
        name = name_again
    words, at = told(entry), to_ms(now)
    shared = any(
        row.entry != entry.id and row.told == words and row.state in STANDS and at - WINDOW_MS <= row.at >= latest
        for row in siblings
    )
    return {
        "id": name,
        "entry": entry.id,
        "article": digest(entry.url),
        "url": entry.url,
        "host": entry.key,
        "reason": "edited" if own else OLD.get(entry.origin, "new"),
        "state": State.SAME if shared else State.WAITING,
        "due": at,
        "detail": "another entry told the same" if shared else "",
        "record": wire.encode(entry),
        "told": words,
        "at": seen,
        "finished": at if shared else None,
    }


def _known(tx: Connection, articles: Iterable[str]) -> defaultdict[str, list[_Row]]:
    found: defaultdict[str, list[_Row]] = defaultdict(list)
    names = sorted(articles)
    for start in range(0, len(names), CHUNK):
        query = select(rows.id, rows.entry, rows.article, rows.state, rows.told, rows.at).where(
            rows.article.in_(names[start : start + CHUNK]), ~rows.reason.startswith("check-")
        )
        for row in tx.execute(query):
            found[row.article].append(_Row(id=row.id, entry=row.entry, state=row.state, told=row.told, at=row.at))
    return found


def _give_way(tx: Connection, overtaken: Iterable[str], now: datetime) -> None:
    names = sorted(overtaken)
    values = {"state": State.SAME, "finished": to_ms(now), "detail": "a newer version of the entry", "attempts": 1}
    for start in range(0, len(names), CHUNK):
        some = rows.id.in_(names[start : start + CHUNK])
        tx.execute(update(fetches).where(some, rows.state == State.WAITING).values(values))
