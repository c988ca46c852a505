"""The ledger -> alerts as commands list them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from ingest import wire
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from search.alert import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts are asked for."""

    watch: str = ""
    desk: str = ""
    since: datetime | None = None  # of the last change
    silent: bool = False  # also those that did not ring
    limit: int = 20


def listed(ledger: Ledger, wanted: Wanted) -> tuple[list[Alert], int]:
    """The alerts asked for, the last to change first, and how many there are in all."""
    rows = tables.alerts.c
    conditions = [rows.state != "merged"]
    if not wanted.silent:
        conditions.append(rows.rang.is_not(None))
    for column, value in ((rows.watch, wanted.watch), (rows.desk, wanted.desk)):
        if value:
            conditions.append(column == value)
    if wanted.since is not None:
        conditions.append(rows.changed >= to_ms(wanted.since))
    query = select(rows.body).where(*conditions).order_by(rows.changed.desc(), rows.id).limit(wanted.limit)
    with ledger.read() as connection:
        total = connection.execute(select(func.count()).select_from(tables.alerts).where(*conditions)).scalar_one()
        return [wire.decode(body, Alert) for body in connection.execute(query).scalars()], total
