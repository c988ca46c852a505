"""The table `hosts`: what is known of a host, one row each."""

from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from ingest.ledger.tables.feeds import hosts


def row(connection: Connection, host: str) -> RowMapping | None:
    """The row of `host`."""
    return connection.execute(select(hosts).where(hosts.c.host == host)).mappings().first()


def put(transaction: Connection, host: str, **values: Any) -> None:
    """Sets columns of the row of `host`, made where it is missing."""
    if not transaction.execute(update(hosts).where(hosts.c.host == host).values(values)).rowcount:
        transaction.execute(insert(hosts).values(host=host, **values))
