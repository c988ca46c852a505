"""Tries to sign in -> how long to wait before the next one: counted in the ledger before each is looked at."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from ingest.identity import digest
from ingest.ledger.tables.people import tries

FORGOTTEN_MS = 24 * 3_600_000  # after the last try


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many tries are free; each further one is followed by a pause that doubles from 1 s up to `most_seconds`."""

    key: str
    free: int
    most_seconds: int


def limits(name: str, address: str) -> tuple[Limit, ...]:
    """What a try counts for.

    Someone who guesses from elsewhere keeps the person out for a minute at a time at most, and never for ever.
    """
    return (
        Limit(key=digest("person and address", name, address), free=5, most_seconds=900),
        Limit(key=digest("address", address), free=30, most_seconds=900),
        Limit(key=digest("person", name), free=30, most_seconds=60),
    )


def count_try(transaction: Connection, counted: Iterable[Limit], now_ms: int) -> int:
    """Counts one try; gives 0, or the seconds to wait where none may be made now: that one is not counted."""
    transaction.execute(delete(tries).where(tries.c.at < now_ms - FORGOTTEN_MS))
    found = {limit: _row(transaction, limit.key) for limit in counted}
    waits: list[int] = [row.until - now_ms for row in found.values() if row is not None]
    if max(waits, default=0) > 0:
        return -(-max(waits) // 1000)
    for limit, row in found.items():
        count = (row.count if row is not None else 0) + 1
        values = {"count": count, "at": now_ms, "until": now_ms + pause_seconds(limit, count) * 1000}
        if row is None:
            transaction.execute(insert(tries).values(key=limit.key, **values))
        else:
            transaction.execute(update(tries).where(tries.c.key == limit.key).values(values))
    return 0


def pause_seconds(limit: Limit, count: int) -> int:
    """How long to wait after so many tries.

    >>> [pause_seconds(Limit(key="", free=5, most_seconds=10), count) for count in (4, 5, 6, 7, 8, 9, 900)]
    [0, 1, 2, 4, 8, 10, 10]
    """
    beyond = min(count - limit.free, 20)
    return min(limit.most_seconds, 1 << beyond) if beyond >= 0 else 0


def succeeded(transaction: Connection, name: str, address: str) -> None:
    """The last try was right: the person starts anew, and the address has it back."""
    pair, shared, person = limits(name, address)
    transaction.execute(delete(tries).where(tries.c.key.in_([pair.key, person.key])))
    transaction.execute(update(tries).where(tries.c.key == shared.key).values(count=tries.c.count - 1, until=0))


def _row(transaction: Connection, key: str):  # type: ignore[no-untyped-def]  # SQLAlchemy infers the row
    return transaction.execute(select(tries).where(tries.c.key == key)).one_or_none()
