"""Work that could not be done -> a row with its bytes and its reason, for people to see and to retry."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, func, select, update

from ingest.clock import from_ms, to_ms
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables import articles as tables
from ingest.ledger.tables import feeds as queues
from ingest.ledger.upsert import upsert
from ingest.verdict import Reject

TOPIC = "; topic="  # in `kind`, before the topic that the record came from


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One record that was set aside. `data` is empty in listings."""

    id: str
    stage: str
    record: str  # id of the entry, article or poll
    feed: str
    url: str
    reason: str
    detail: str
    kind: str  # content type of `data`
    data: bytes
    times: int
    state: str  # open | retried | resolved
    at: datetime


def reject(
    tx: Connection,
    *,
    stage: str,
    record: str,
    feed: str = "",
    url: str = "",
    reason: str,
    detail: str = "",
    kind: str = "",
    data: bytes,
    at_ms: int,
) -> str:
    """Sets a record aside within `tx`; gives the id of its row. The same record again counts up and is open again.

    Records of the stream are told apart by their bytes: many share one key.
    """
    row = {
        "id": digest("rejected", stage, record, *([data.hex()] if TOPIC in kind else [])),
        "stage": stage,
        "record": record,
        "feed": feed,
        "url": url,
        "reason": reason,
        "detail": detail,
        "kind": kind,
        "bytes": data,
        "times": 1,
        "state": "open",
        "at": at_ms,
    }
    statement = upsert(tx, tables.rejected).values(row)
    newest = {name: row[name] for name in ("feed", "url", "reason", "detail", "kind", "bytes", "state", "at")}
    tx.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={**newest, "times": tables.rejected.c.times + 1})
    )
    return str(row["id"])


def listing(ledger: Ledger, limit: int, state: str = "open") -> list[Rejected]:
    """The newest rejected records in `state` (all where it is empty), newest first, without their bytes."""
    rows = tables.rejected.c
    query = (
        select(*(column for column in rows if column.name != "bytes")).order_by(rows.at.desc(), rows.id).limit(limit)
    )
    with ledger.read() as connection:
        found = connection.execute(query.where(rows.state == state) if state else query)
        return [_record(row, b"") for row in found]


def count(ledger: Ledger, state: str = "open") -> int:
    """How many records stand in `state`, all where it is empty."""
    query = select(func.count()).select_from(tables.rejected)
    query = query.where(tables.rejected.c.state == state) if state else query
    with ledger.read() as connection:
        return connection.execute(query).scalar_one()


def show(ledger: Ledger, name: str) -> Rejected | None:
    """One rejected record with its bytes."""
    with ledger.read() as connection:
        row = connection.execute(select(tables.rejected).where(tables.rejected.c.id == name)).one_or_none()
    return _record(row, row.bytes) if row else None


def retry(ledger: Ledger, name: str, now: datetime) -> None:
    """Puts the work of one rejected record back on the route, due now, and marks it `retried`.

    What it was is told by the row: a record of the stream is published again, an entry is fetched again, a feed is
    polled again. Once that succeeds it is `resolved`.
    Raises: Reject if there is no such record, or nothing left to put back.
    """
    with ledger.begin() as transaction:
        row = transaction.execute(select(tables.rejected).where(tables.rejected.c.id == name)).one_or_none()
        if row is None:
            raise Reject(f"no rejected record {name}; `tocsin rejected list` shows them")
        if TOPIC in row.kind:
            topic = row.kind.partition(TOPIC)[2].split(";")[0].strip()
            ledger.publish(transaction, topic, [(row.record, row.bytes)])
        elif not (_fetch_again(transaction, row.record, now) or _poll_again(transaction, row, now)):
            raise Reject(
                f"rejected record {name} ({row.stage}): the work behind it is no longer kept; nothing to retry"
            )
        transaction.execute(update(tables.rejected).where(tables.rejected.c.id == name).values(state="retried"))


def resolve(tx: Connection, *, stage: str, records: Collection[str]) -> None:
    """Says within `tx` that `records` succeeded in `stage`: rows they may have had are no longer open."""
    if records:
        rows = tables.rejected.c
        ids = [digest("rejected", stage, record) for record in records]
        tx.execute(
            update(tables.rejected)
            .where(rows.id.in_(ids), rows.state.in_(("open", "retried")))
            .values(state="resolved")
        )


def has_retried(connection: Connection, stage: str) -> bool:
    """Whether a record of the stream that `stage` rejected has been put back on the stream."""
    rows = tables.rejected.c
    waiting = select(rows.id).where(rows.state == "retried", rows.stage == stage).limit(1)
    return connection.execute(waiting).first() is not None


def resolve_stream(tx: Connection, *, stage: str, records: Collection[tuple[str, bytes]]) -> None:
    """Says within `tx` that (key, value) records of the stream went through `stage`: those retried are resolved."""
    rows = tables.rejected.c
    waiting = select(rows.id).where(rows.state == "retried", rows.stage == stage)
    retried = set(tx.execute(waiting).scalars())
    if not retried:  # nearly always: then no record has to be hashed
        return
    done = retried & {digest("rejected", stage, key, value.hex()) for key, value in records}
    tx.execute(update(tables.rejected).where(rows.id.in_(done)).values(state="resolved"))


def _fetch_again(tx: Connection, entry: str, now: datetime) -> bool:
    """Makes the newest fetch of `entry` due, unless it is waiting already; False where there is none."""
    rows = queues.fetches.c
    query = select(rows.id, rows.state).where(rows.entry == entry, ~rows.reason.startswith("check-"))
    newest = tx.execute(query.order_by(rows.at.desc(), rows.id).limit(1)).one_or_none()
    if newest is None:
        return False
    if newest.state not in ("waiting", "leased"):
        again = {"state": "waiting", "due": to_ms(now), "attempts": 0, "deaths": 0, "lease": 0, "finished": None}
        tx.execute(update(queues.fetches).where(rows.id == newest.id).values(again))
    return True


def _poll_again(tx: Connection, rejected: "Row[tuple[object, ...]]", now: datetime) -> bool:
    if rejected.stage != "collect":
        return False
    rows = queues.feeds.c
    asked = update(queues.feeds).where(rows.id.in_((rejected.feed, rejected.record)), rows.removed.is_(None))
    return bool(tx.execute(asked.values(next_poll=to_ms(now))).rowcount)


def _record(row: "Row[tuple[object, ...]]", data: bytes) -> Rejected:
    values = {name: value for name, value in row._mapping.items() if name not in ("bytes", "at")}
    return Rejected(**values, data=data, at=from_ms(row.at))
