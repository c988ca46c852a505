"""Work that could not be done -> a row with its bytes and its reason, for people to see and to retry."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.sqlite import insert

from ingest.clock import from_ms
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables import articles as tables


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
    """Sets a record aside within `tx`; gives the id of its row. The same record again counts up and is open again."""
    row = {
        "id": digest("rejected", stage, record),
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
    statement = insert(tables.rejected).values(row)
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
    """How many records stand in `state`."""
    query = select(func.count()).select_from(tables.rejected).where(tables.rejected.c.state == state)
    with ledger.read() as connection:
        return connection.execute(query).scalar_one()


def show(ledger: Ledger, name: str) -> Rejected | None:
    """One rejected record with its bytes."""
    with ledger.read() as connection:
        row = connection.execute(select(tables.rejected).where(tables.rejected.c.id == name)).one_or_none()
    return _record(row, row.bytes) if row else None


def _record(row: "Row[tuple[object, ...]]", data: bytes) -> Rejected:
    values = {name: value for name, value in row._mapping.items() if name not in ("bytes", "at")}
    return Rejected(**values, data=data, at=from_ms(row.at))
