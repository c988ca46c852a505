"""The fetch queue -> what may be fetched now; and how each fetch went -> the queue."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, func, select, update

from ingest import wire
from ingest.clock import from_ms, to_ms
from ingest.entry import Entry
from ingest.ledger import Ledger
from ingest.ledger.tables.feeds import fetches
from ingest.ledger.upsert import upsert
from ingest.queue.records import IN_FLIGHT, LATER_REASONS, Delay, Ending, Fetch, QueueSettings, State, Waiting
from ingest.rejected import reject

STAGE = "extract"
SOON = timedelta(seconds=30)
rows = fetches.c


def due(
    ledger: Ledger, now: datetime, limit: int, *, per_host: int = 4, skip_hosts: Collection[str] = ()
) -> list[tuple[str, str, str]]:
    """(id, host, url) of what may be fetched now: the first of every host, then the second, and so on.

    Within a host what is new stands before first polls and back-fill. An article that is being worked on is left out,
    and each stands once, so that its revisions are counted in order.
    """
    turn = func.row_number().over(partition_by=rows.host, order_by=(rows.reason.in_(LATER_REASONS), rows.due, rows.id))
    ranked = (
        select(rows.id, rows.host, rows.url, rows.article, rows.due, turn.label("turn"))
        .where(rows.state == State.WAITING, rows.due <= to_ms(now), rows.host.not_in(tuple(skip_hosts)), ~_busy())
        .subquery()
    )
    query = (
        select(ranked.c.id, ranked.c.host, ranked.c.url, ranked.c.article)
        .where(ranked.c.turn <= per_host)
        .order_by(ranked.c.turn, ranked.c.due, ranked.c.id)
        .limit(limit)
    )
    with ledger.read() as connection:
        found = connection.execute(query).all()
    first = {row.article: row.id for row in reversed(found)}
    return [(row.id, row.host, row.url) for row in found if first[row.article] == row.id]


def lease(ledger: Ledger, names: Collection[str], now: datetime, lease_seconds: float) -> list[Fetch]:
    """Takes the rows that still wait, in the order of `names`, each with its attempt counted.

    A row whose article another fetch has, of this process or another, is left. One that cannot be read is rejected.
    """
    if not names:
        return []
    taken: list[Fetch] = []
    with ledger.begin("fetches") as transaction:
        mine = rows.id.in_(tuple(names)), rows.state == State.WAITING, ~_busy()
        query = select(fetches).where(*mine).with_for_update(skip_locked=True)
        waits = {row.id: row for row in transaction.execute(query)}
        first = {waits[name].article: waits[name] for name in reversed(tuple(names)) if name in waits}
        values = {"state": State.LEASED, "lease": _until(now, lease_seconds), "attempts": rows.attempts + 1}
        chosen = [name for name in names if name in waits and first[waits[name].article].id == name]
        transaction.execute(update(fetches).where(rows.id.in_(chosen)).values(values))
        for row in (waits[name] for name in chosen):
            try:
                taken.append(fetch_of(row))
            except ValueError as error:
                _reject_unreadable(transaction, row, str(error), now)
    return taken


def take(ledger: Ledger, now: datetime, limit: int, lease_seconds: float) -> list[Fetch]:
    """What is due, fair by host, leased."""
    return lease(ledger, [name for name, _, _ in due(ledger, now, limit)], now, lease_seconds)


def release_all(ledger: Ledger) -> int:
    """Puts back what a process held when it died; the attempts stay counted.

    To be called before the first take, by a process that is alone with its ledger.
    """
    return _put_back(ledger, rows.state == State.LEASED)


def release_expired(ledger: Ledger, now: datetime) -> int:
    """Puts back what some process has held for longer than its lease."""
    return _put_back(ledger, (rows.state == State.LEASED) & (rows.lease < to_ms(now)))


def renew(ledger: Ledger, taken: Sequence[Fetch], now: datetime, lease_seconds: float) -> None:
    """Holds for longer what is still worked on, unless its lease had run out and another has it."""
    with ledger.begin("fetches") as transaction:
        mine = rows.id.in_(still_held(transaction, taken))
        transaction.execute(update(fetches).where(mine).values(lease=_until(now, lease_seconds)))


def still_held(tx: Connection, taken: Sequence[Fetch]) -> set[str]:
    """The ids of those that nobody put back or took since: what is done about another is done by whoever has it.

    Each taking counts an attempt, so the count tells one taking from the next.
    """
    attempts = {fetch.id: fetch.attempts for fetch in taken}
    query = select(rows.id, rows.attempts).where(rows.id.in_(tuple(attempts)), rows.state == State.LEASED)
    return {name for name, count in tx.execute(query) if count == attempts[name]}


def release(ledger: Ledger, taken: Sequence[Fetch]) -> None:
    """Puts back what was taken and not tried: its attempt is not counted."""
    values = {"state": State.WAITING, "lease": 0, "attempts": case((rows.attempts > 0, rows.attempts - 1), else_=0)}
    with ledger.begin("fetches") as transaction:
        mine = rows.id.in_(still_held(transaction, taken))
        transaction.execute(update(fetches).where(mine).values(values))


def finish(tx: Connection, endings: Sequence[Ending], now: datetime) -> None:
    """Writes down how fetches ended."""
    if endings:
        tx.execute(
            update(fetches)
            .where(rows.id == bindparam("name"))
            .values(state=bindparam("ended"), detail=bindparam("why"), finished=to_ms(now), lease=0),
            [{"name": ending.id, "ended": ending.state, "why": ending.detail[:500]} for ending in endings],
        )


def retry_later(tx: Connection, delays: Sequence[Delay]) -> None:
    """Has fetches tried again, each at its time."""
    if delays:
        tx.execute(
            update(fetches)
            .where(rows.id == bindparam("name"))
            .values(state=State.WAITING, lease=0, due=bindparam("at_ms"), detail=bindparam("why")),
            [{"name": delay.id, "at_ms": to_ms(delay.due), "why": delay.detail[:500]} for delay in delays],
        )


def set_aside(
    tx: Connection, fetch: Fetch, reason: str, now: datetime, *, detail: str = "", kind: str = "", data: bytes = b""
) -> None:
    """Keeps for people what could not be read: its bytes, or the entry where there are none."""
    entry = fetch.entry
    reject(
        tx,
        stage=STAGE,
        record=entry.id,
        feed=entry.feed,
        url=entry.url,
        reason=reason,
        detail=detail,
        kind=kind if data else "application/json; record=entry",
        data=data or wire.encode(entry),
        at_ms=to_ms(now),
    )


def promote(tx: Connection, article: str, now: datetime) -> None:
    """Has another entry of an article tried, one that stood back for an entry that was rejected since."""
    standby = (
        select(rows.id)
        .where(rows.article == article, rows.state == State.SAME, rows.attempts == 0)
        .order_by(rows.at.desc(), rows.id)
        .limit(1)
    )
    again = {"state": State.WAITING, "due": to_ms(now), "finished": None, "detail": ""}
    tx.execute(update(fetches).where(rows.id == standby.scalar_subquery()).values(again))


def count_death(ledger: Ledger, name: str) -> int:
    """Counts, durably, that the page is about to be read alone in a child; gives the count with this one."""
    with ledger.begin("fetches") as transaction:
        transaction.execute(update(fetches).where(rows.id == name).values(deaths=rows.deaths + 1))
        return int(transaction.execute(select(rows.deaths).where(rows.id == name)).scalar_one())


def forget_deaths(tx: Connection, names: Collection[str]) -> None:
    """Says that pages were read and nobody died."""
    if names:
        tx.execute(update(fetches).where(rows.id.in_(tuple(names)), rows.deaths > 0).values(deaths=0))


def pause(failures: int, random: Callable[[], float], settings: QueueSettings) -> float:
    """Seconds to wait after `failures` failures in a row: a random point below a ceiling that grows.

    Eight attempts span a day at most. `random` gives a number from 0 to 1.
    Source: "full jitter", Exponential Backoff And Jitter (AWS Architecture Blog, 2015).
    """
    ceiling = settings.first_pause_seconds * settings.pause_growth ** min(failures - 1, 50)
    return random() * min(ceiling, settings.longest_pause_seconds)


def waiting(ledger: Ledger, now: datetime) -> Waiting:
    """How much is still to be fetched, and when."""
    at, soon = to_ms(now), to_ms(now + SOON)
    query = select(
        func.count().filter(rows.state == State.LEASED),
        func.count().filter(rows.state == State.WAITING, rows.due <= at),
        func.count().filter(rows.state == State.WAITING, rows.due > at, rows.due <= soon),
        func.count().filter(rows.state == State.WAITING, rows.due > soon),
        func.min(rows.due).filter(rows.state == State.WAITING),
    ).where(rows.state.in_(IN_FLIGHT))
    with ledger.read() as connection:
        leased, due_now, within, later, earliest = connection.execute(query).one()
    return Waiting(
        leased=leased,
        due_now=due_now,
        due_within_30s=within,
        later=later,
        earliest=None if earliest is None else from_ms(earliest),
    )


def insert_rows(tx: Connection, values: Iterable[Mapping[str, object]]) -> int:
    """Adds rows that are not there yet; gives how many were added."""
    given = list(values)
    if not given:
        return 0
    names = [str(value["id"]) for value in given]
    there = set(tx.execute(select(rows.id).where(rows.id.in_(names))).scalars())
    tx.execute(upsert(tx, fetches).on_conflict_do_nothing(index_elements=["id"]), given)
    return len(set(names) - there)


def _busy() -> ColumnElement[bool]:
    """Whether the article is being worked on."""
    working = fetches.alias("working").c
    return rows.article.in_(select(working.article).where(working.state == State.LEASED))


def _until(now: datetime, lease_seconds: float) -> int:
    return to_ms(now) + round(lease_seconds * 1000)


def _put_back(ledger: Ledger, held: ColumnElement[bool]) -> int:
    with ledger.begin("fetches") as transaction:
        freed = transaction.execute(update(fetches).where(held).values(state=State.WAITING, lease=0))
        return int(freed.rowcount)


def fetch_of(row: "Row[tuple[object, ...]]") -> Fetch:
    """The row as it is taken: this attempt is counted in."""
    return Fetch(
        id=row.id,
        entry=wire.decode(row.record, Entry),
        article=row.article,
        reason=row.reason,
        attempts=row.attempts + 1,
        deaths=row.deaths,
    )


def _reject_unreadable(tx: Connection, row: "Row[tuple[object, ...]]", why: str, now: datetime) -> None:
    kind, at = "application/json; record=entry", to_ms(now)
    reject(tx, stage=STAGE, record=row.entry, url=row.url, reason=why, kind=kind, data=row.record, at_ms=at)
    finish(tx, [Ending(id=row.id, state=State.REJECTED, detail=why)], now)
