"""What is told that is no alert, a digest or a trouble -> the ledger, once, on its way through channels."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from ingest import wire
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from ingest.ledger.upsert import upsert
from search.alerts.ids import delivery_id
from search.deliver.outbox import held

Kind = Literal["digest", "trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to be told, in words and as plain values for machines."""

    id: str  # pure function of what it tells: it goes out once through each channel
    kind: Kind
    at: datetime
    subject: str  # one line
    text: str
    html: str
    url: str  # where people read on
    data: dict[str, Any] = field(default_factory=dict)
    schema: int = 1


def tell(transaction: Connection, notice: Notice, channels: Iterable[str]) -> dict[str, bool]:
    """Writes a delivery of the notice for each channel; gives for each whether it is new.

    Told again under the same id, nothing is sent again, whatever it says by then.
    """
    row = {"id": notice.id, "kind": notice.kind, "body": wire.encode(notice), "at": to_ms(notice.at)}
    transaction.execute(upsert(transaction, tables.notices).values(row).on_conflict_do_nothing())
    state = "held" if held(transaction) else "waiting"
    return {channel: _deliver(transaction, notice, channel, state) for channel in dict.fromkeys(channels)}


def _deliver(transaction: Connection, notice: Notice, channel: str, state: str) -> bool:
    at = to_ms(notice.at)
    row = {
        "id": delivery_id(notice.id, channel),
        "event": 0,
        "alert": notice.id,
        "channel": channel,
        "state": state,
        "attempts": 0,
        "due": at,
        "at": at,
    }
    once = upsert(transaction, tables.deliveries).values(row).on_conflict_do_nothing()
    return bool(transaction.execute(once).rowcount)


def fates(ledger: Ledger, notice: str) -> dict[str, str]:
    """What has become of a notice by channel, for people."""
    rows = tables.deliveries.c
    query = select(rows.channel, rows.state, rows.detail).where(rows.alert == notice, rows.event == 0)
    with ledger.read() as connection:
        found = connection.execute(query.order_by(rows.channel)).all()
    return {row.channel: f"{row.state}: {row.detail}" if row.detail else row.state for row in found}
