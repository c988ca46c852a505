"""A feed that is due -> claimed by the one process that polls it now; its record gives the claim back."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select, update

from ingest.clock import to_ms
from ingest.feeds.tools import CollectTools
from ingest.ledger.tables.feeds import feeds as table

rows = table.c


def due(tools: CollectTools, *, due_only: bool) -> "list[Row[Any]]":
    """(id, url) of the feeds that are listed, those due longest first, without those that another process polls."""
    query = select(rows.id, rows.url).where(rows.removed.is_(None)).order_by(rows.next_poll, rows.id)
    at = to_ms(tools.clock())
    if due_only:
        query = query.where(rows.next_poll <= at)
    if tools.shared:
        query = query.where(rows.lease <= at)
    with tools.ledger.read() as connection:
        return list(connection.execute(query))


def claim(tools: CollectTools, name: str, *, due_only: bool) -> "Row[Any] | None":
    """The feed, to be polled by this process alone; None where it left its list, or another was faster.

    A process that is alone with its ledger writes nothing here.
    """
    query = select(table).where(rows.id == name, rows.removed.is_(None))
    if not tools.shared:
        with tools.ledger.read() as connection:
            return connection.execute(query).one_or_none()
    now = tools.clock()
    query = query.where(rows.lease <= to_ms(now))
    if due_only:
        query = query.where(rows.next_poll <= to_ms(now))
    with tools.ledger.begin("rows") as transaction:
        feed = transaction.execute(query.with_for_update(skip_locked=True)).one_or_none()
        if feed is not None:
            until = to_ms(now + timedelta(seconds=tools.settings.claim_seconds))
            transaction.execute(update(table).where(rows.id == name).values(lease=until))
    return feed


def give_back(tools: CollectTools, names: Collection[str]) -> None:
    """Lets others poll feeds whose polls were broken off."""
    if tools.shared and names:
        with tools.ledger.begin("rows") as transaction:
            transaction.execute(update(table).where(rows.id.in_(tuple(names))).values(lease=0))
