"""Listed feeds -> rows of `feeds`: new ones are due at once, those that left their list are no longer polled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from ingest.clock import to_ms
from ingest.feeds.lists import ListedFeed
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables.feeds import feeds as table

rows = table.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """What became of the feeds of one list."""

    added: int
    kept: int
    removed: int  # left the list: kept in the ledger, never polled
    back: int  # had left, and are listed again


def subscribe(ledger: Ledger, feeds: Sequence[ListedFeed], *, list_name: str, now: datetime) -> Subscribed:
    """Makes the ledger agree with a list, in one transaction.

    `list_name` is empty for feeds that are given alone: these replace nothing, and no list ends them. What the ledger
    learned of a feed stays with it.
    """
    named = {feed_id(feed.url): feed for feed in feeds}
    with ledger.begin() as tx:
        found = {row.id: row for row in tx.execute(select(table))}
        added = [_row(name, feed, list_name, now) for name, feed in named.items() if name not in found]
        if added:
            tx.execute(insert(table), added)
        back = 0
        for name, feed in named.items():
            if name in found:
                back += found[name].removed is not None
                _renew(tx, found[name], feed, list_name, now)
        left = [row.id for row in found.values() if list_name and row.list == list_name and row.removed is None]
        gone = [name for name in left if name not in named]
        for name in gone:
            tx.execute(update(table).where(rows.id == name).values(removed=to_ms(now)))
    kept = len(named) - len(added) - back
    return Subscribed(added=len(added), kept=kept, removed=len(gone), back=back)


def feed_id(url: str) -> str:
    """The id of the feed at `url` as it is given."""
    return digest("feed", url)


def _row(name: str, feed: ListedFeed, list_name: str, now: datetime) -> dict[str, Any]:
    return {
        "id": name,
        "url_given": feed.url,
        "url": feed.url,
        "title": feed.title,
        "language": feed.language,
        "tags": ",".join(feed.tags),
        "list": list_name,
        "wanted_seconds": feed.every_seconds,
        "added": to_ms(now),
        "next_poll": to_ms(now),
        "interval_seconds": 0.0,  # nothing is known yet
    }


def _renew(tx: Connection, row: "Row[tuple[object, ...]]", feed: ListedFeed, list_name: str, now: datetime) -> None:
    """What the list says now; a feed that is back is due at once, and its backlog is that of a first poll."""
    alone = row.removed is None and not row.list
    values: dict[str, Any] = {"list": "" if alone else list_name, "wanted_seconds": feed.every_seconds}
    if feed.tags or not alone:
        values["tags"] = ",".join(feed.tags)
    values.update({name: value for name in ("title", "language") if (value := getattr(feed, name))})
    if feed.every_seconds is not None and feed.every_seconds != row.wanted_seconds:
        values["next_poll"] = min(row.next_poll, to_ms(now + timedelta(seconds=feed.every_seconds)))
    if row.removed is not None:
        values.update(removed=None, next_poll=to_ms(now), first_poll=None, failures=0)
    tx.execute(update(table).where(rows.id == row.id).values(values))
