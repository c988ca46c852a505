"""The ledger -> what became of every entry ever seen: nothing may be lost on the way to [articles]."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, case, func, select

from ingest.ledger import Ledger
from ingest.ledger.tables import articles as article_tables
from ingest.ledger.tables import feeds as feed_tables
from ingest.ledger.tables import stream
from ingest.queue import IN_FLIGHT, STAGE, State

TOPIC = "entries"
SHOWN = 20
OWN = ~feed_tables.fetches.c.reason.startswith("check-"), feed_tables.fetches.c.entry != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Distinct entries by what became of them: seen = done + same + rejected + in_queue + in_stream + lost."""

    seen: int
    done: int  # an article was published from it
    same: int  # told what an article told already
    rejected: int
    in_queue: int
    in_stream: int  # published by collect, not yet admitted
    lost: int  # nobody knows: always 0
    lost_entries: tuple[str, ...] = ()  # the first of them
    rejected_open: int = 0  # rows of `rejected` that wait for people, of every stage

    @property
    def in_flight(self) -> int:
        return self.in_queue + self.in_stream

    @property
    def balances(self) -> bool:
        return self.lost == 0


class _Named(msgspec.Struct):
    id: str


def account(ledger: Ledger, in_stream: Callable[[], Iterable[bytes]] | None = None) -> Account:
    """The account of this moment. It reads every entry and fetch once.

    `in_stream` gives the entries that stand on the stream, or on their way to it, and were not admitted; None: the
    stream stands in the ledger.
    """
    with ledger.read() as connection:
        counts, missing = _fetched(connection), _unfetched(connection)
        unread = _rejected_unread(connection) & missing
        open_rows = select(func.count()).where(article_tables.rejected.c.state == "open")
        waiting_for_people = connection.execute(open_rows.select_from(article_tables.rejected)).scalar_one()
    entries = in_stream() if in_stream else _in_ledger(ledger)
    waiting = {name for value in entries if (name := _name(value))} & missing if missing else set()
    unread -= waiting
    lost = missing - waiting - unread
    if lost:  # they may have moved from the stream to the queue between the two looks
        with ledger.read() as connection:
            moved = lost - (_unfetched(connection) - _rejected_unread(connection))
        waiting, lost = waiting | moved, lost - moved
    return Account(
        seen=counts.total() + len(missing),
        done=counts["done"],
        same=counts["same"],
        rejected=counts["rejected"] + len(unread),
        in_queue=counts["in queue"],
        in_stream=len(waiting),
        lost=len(lost),
        lost_entries=tuple(sorted(lost)[:SHOWN]),
        rejected_open=waiting_for_people,
    )


def _fetched(connection: Connection) -> Counter[str]:
    """How many entries stand how, of those that came to the queue."""
    rows = feed_tables.fetches.c
    newest = func.row_number().over(partition_by=rows.entry, order_by=(rows.at.desc(), rows.id)).label("age")
    own = select(rows.entry, rows.state, newest).where(*OWN).subquery()
    per_entry = (
        select(
            func.max(case((own.c.state.in_(IN_FLIGHT), 1), else_=0)).label("waits"),
            func.max(case((own.c.state == State.DONE, 1), else_=0)).label("done"),
            func.max(own.c.state).filter(own.c.age == 1).label("state"),
        )
        .group_by(own.c.entry)
        .subquery()
    )
    query = select(per_entry, func.count()).group_by(per_entry.c.waits, per_entry.c.done, per_entry.c.state)
    counts = Counter[str]()
    for waits, done, state, count in connection.execute(query):
        counts[_class(bool(waits), bool(done), state)] += count
    return counts


def _unfetched(connection: Connection) -> set[str]:
    """Entries of which the queue knows nothing."""
    query = select(feed_tables.entries.c.id).except_(select(feed_tables.fetches.c.entry).where(*OWN))
    return set(connection.execute(query).scalars())


def _class(waits: bool, done: bool, state: str) -> str:
    if waits:
        return "in queue"
    if done:
        return "done"
    return "rejected" if state == State.REJECTED else "same"


def _in_ledger(ledger: Ledger) -> Iterator[bytes]:
    groups, records = stream.groups.c, stream.records.c
    with ledger.read() as connection:
        passed = connection.execute(select(groups.position).where(groups.name == STAGE, groups.topic == TOPIC)).scalar()
        query = select(records.value).where(records.topic == TOPIC, records.position > (passed or 0))
        yield from connection.execute(query).scalars()


def _rejected_unread(connection: Connection) -> set[str]:
    """Entries that were rejected before they came to the queue."""
    rows = article_tables.rejected.c
    mine = rows.stage == STAGE, rows.kind.contains(f"topic={TOPIC}"), rows.state == "open"
    return {name for value in connection.execute(select(rows.bytes).where(*mine)).scalars() if (name := _name(value))}


def _name(value: bytes) -> str:
    try:
        return msgspec.json.decode(value, type=_Named).id
    except msgspec.MsgspecError:
        return ""
