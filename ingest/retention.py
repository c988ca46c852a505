"""What is old and has served -> removed from the ledger and the archive, and counted. Nothing in flight is touched."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, delete, exists, func, select

from ingest import archive
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import articles as article_tables
from ingest.ledger.tables import feeds as feed_tables
from ingest.ledger.tables import stream
from ingest.queue import IN_FLIGHT

log = logging.getLogger(f"tocsin.{__name__}")

BATCH = 2000  # rows a transaction, so that nobody waits long
DAY_MS = 24 * 3600 * 1000  # more than a poll takes between noting what a feed showed and publishing it
ENTRIES = "entries"  # the topic
UNSETTLED = ("open", "retried")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long what has served is kept."""

    archive_days: int = 90
    stream_hours: int = 48  # after all groups have passed
    polls_days: int = 30
    entries_days: int = 180  # since a feed showed it last; its fetches go with it
    articles_days: int = 400  # since the newest revision
    rejected_days: int = 90  # of what was resolved; what is open stays
    hosts_days: int = 30

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) < 1:
                raise ValueError(f"retention: {name} is {getattr(self, name)}; write 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How much was removed."""

    records: int
    polls: int
    entries: int
    fetches: int
    articles: int
    aliases: int
    rejected: int
    hosts: int
    archive_files: int
    archive_bytes: int


def sweep(
    ledger: Ledger,
    archive_folder: Path,
    now: datetime,
    settings: RetentionSettings | None = None,
    *,
    readers: Mapping[str, Collection[str]] | None = None,
) -> Swept:
    """Removes what is older than `settings` say. Small transactions: it may be killed and run again at any time.

    `readers` are the groups that must have passed a record of a topic; those that the ledger knows where it is None.
    """
    settings = settings or RetentionSettings()
    unread = _oldest_unread(ledger, readers, now)
    gone, size = _archive_files(archive_folder, now - timedelta(days=settings.archive_days))
    swept = Swept(
        records=_records(ledger, _ms(now, hours=settings.stream_hours), readers),
        polls=_delete(ledger, feed_tables.polls, feed_tables.polls.c.at < _ms(now, days=settings.polls_days)),
        entries=_delete(
            ledger, feed_tables.entries, _old_entries(min(_ms(now, days=settings.entries_days), unread - DAY_MS))
        ),
        fetches=_delete(ledger, feed_tables.fetches, _old_fetches(_ms(now, days=settings.entries_days))),
        articles=_delete(ledger, article_tables.articles, _old_articles(_ms(now, days=settings.articles_days))),
        aliases=_delete(ledger, article_tables.aliases, _old_aliases()),
        rejected=_delete(ledger, article_tables.rejected, _old_rejected(_ms(now, days=settings.rejected_days))),
        hosts=_delete(ledger, feed_tables.hosts, _old_hosts(_ms(now, days=settings.hosts_days))),
        archive_files=gone,
        archive_bytes=size,
    )
    log.info("swept", extra={name: getattr(swept, name) for name in swept.__dataclass_fields__})
    return swept


def _ms(now: datetime, *, days: int = 0, hours: int = 0) -> int:
    return to_ms(now - timedelta(days=days, hours=hours))


def _records(ledger: Ledger, before: int, readers: Mapping[str, Collection[str]] | None) -> int:
    rows = stream.records.c
    with ledger.read() as connection:
        passed = _passed(connection, readers)
    return sum(
        _delete(ledger, stream.records, (rows.topic == topic) & (rows.position <= position) & (rows.at < before))
        for topic, position in sorted(passed.items())
    )


def _passed(connection: Connection, readers: Mapping[str, Collection[str]] | None) -> dict[str, int]:
    """Up to which position every group has read each topic."""
    rows = stream.groups.c
    positions: dict[str, dict[str, int]] = {}
    for name, topic, position in connection.execute(select(rows.name, rows.topic, rows.position)):
        positions.setdefault(topic, {})[name] = position
    expected = readers or {topic: tuple(groups) for topic, groups in positions.items()}
    return {
        topic: min(positions.get(topic, {}).get(name, 0) for name in groups)
        for topic, groups in expected.items()
        if groups
    }


def _oldest_unread(ledger: Ledger, readers: Mapping[str, Collection[str]] | None, now: datetime) -> int:
    """When the oldest entry came to the stream that has not come to the queue; `now` where there is none."""
    rows = stream.records.c
    with ledger.read() as connection:
        passed = _passed(connection, readers).get(ENTRIES, 0)
        query = select(func.min(rows.at)).where(rows.topic == ENTRIES, rows.position > passed)
        found = connection.execute(query).scalar()
    return to_ms(now) if found is None else int(found)


def _old_entries(before: int) -> ColumnElement[bool]:
    """Not shown since, no longer in what the feed showed last (else they would come as new), and settled.

    One of which the queue knows nothing is on its way or lost, and stays for the account to show it. `before` lies
    before what waits on the stream, so that no entry goes of which another version is on its way.
    """
    rows, fetches = feed_tables.entries.c, feed_tables.fetches.c
    others = feed_tables.entries.alias("others").c
    shown_last = select(func.max(others.last_seen)).where(others.feed == rows.feed).scalar_subquery()
    own = exists().where(fetches.entry == rows.id)
    waits = own.where(fetches.state.in_(IN_FLIGHT))
    return (rows.last_seen < before) & (rows.last_seen < shown_last) & own & ~waits & rows.id.not_in(_unsettled())


def _old_fetches(before: int) -> ColumnElement[bool]:
    rows, entries = feed_tables.fetches.c, feed_tables.entries.c
    kept = exists().where(entries.id == rows.entry)
    return rows.state.not_in(IN_FLIGHT) & (rows.finished < before) & ~kept & rows.entry.not_in(_unsettled())


def _unsettled() -> Select[tuple[str]]:
    """What people may still have tried again, for which its fetch is needed."""
    rejected = article_tables.rejected.c
    return select(rejected.record).where(rejected.state.in_(UNSETTLED))


def _old_articles(before: int) -> ColumnElement[bool]:
    rows, entries, fetches = article_tables.articles.c, feed_tables.entries.c, feed_tables.fetches.c
    told = exists().where(entries.article == rows.id)
    fetched = exists().where(fetches.article == rows.id)
    return (rows.changed < before) & ~told & ~fetched


def _old_aliases() -> ColumnElement[bool]:
    rows, articles = article_tables.aliases.c, article_tables.articles.c
    return ~exists().where(articles.id == rows.article)


def _old_rejected(before: int) -> ColumnElement[bool]:
    rows = article_tables.rejected.c
    return rows.state.not_in(UNSETTLED) & (rows.at < before)


def _old_hosts(before: int) -> ColumnElement[bool]:
    rows = feed_tables.hosts.c
    return (rows.next_start < before) & (rows.lease < before) & (rows.robots_due < before)


def _delete(ledger: Ledger, table: Table, condition: ColumnElement[bool]) -> int:
    (key,) = table.primary_key.columns
    return sum(_deleted(ledger, table, key, condition))


def _deleted(ledger: Ledger, table: Table, key: "Column[object]", condition: ColumnElement[bool]) -> list[int]:
    counts: list[int] = []
    while True:
        with ledger.read() as connection:  # looking takes long and keeps nobody waiting
            some = connection.execute(select(key).where(condition).limit(BATCH)).scalars().all()
        if not some:
            return counts
        with ledger.begin() as transaction:  # what has come into use since is not deleted
            counts.append(int(transaction.execute(delete(table).where(key.in_(some), condition)).rowcount))
        if len(some) < BATCH or not counts[-1]:
            return counts


def _archive_files(folder: Path, before: datetime) -> tuple[int, int]:
    count = size = 0
    for path in archive.files(folder)[:-1]:  # the newest may be open
        if archive.day(path) + timedelta(days=1) < before:
            size += path.stat().st_size
            path.unlink()
            count += 1
    return count, size
