"""A name in the ledger -> one holder at a time, who is followed by another when it dies."""

# replaced at merge
from sqlalchemy import func, or_, update
from sqlalchemy.dialects.sqlite import insert

from ingest.clock import Clock, now, to_ms
from ingest.ledger.ledger import Ledger
from ingest.ledger.tables.stream import leases


class Lease:
    """Held until `drop`, or until it was not kept for `seconds`."""

    def __init__(self, ledger: Ledger, name: str, holder: str, seconds: float = 15.0, clock: Clock = now) -> None:
        self._ledger, self._name, self._holder = ledger, name, holder
        self._ms, self._clock = round(seconds * 1000), clock

    def take(self) -> bool:
        """Whether it is held now by this holder: it was free, had run out, or was held by it already."""
        at, rows = to_ms(self._clock()), leases.c
        with self._ledger.begin() as transaction:
            transaction.execute(
                insert(leases).values(name=self._name, holder="", until=0, fence=0).on_conflict_do_nothing()
            )
            changed = transaction.execute(
                update(leases)
                .where(rows.name == self._name, or_(rows.until <= at, rows.holder == self._holder))
                .values(holder=self._holder, until=at + self._ms, fence=rows.fence + 1)
            )
            return bool(changed.rowcount)

    def keep(self) -> bool:
        """Holds it for longer; False where it was lost."""
        at, rows = to_ms(self._clock()), leases.c
        with self._ledger.begin() as transaction:
            changed = transaction.execute(
                update(leases)
                .where(rows.name == self._name, rows.holder == self._holder, rows.until > at)
                .values(until=func.max(rows.until, at + self._ms))
            )
            return bool(changed.rowcount)

    def drop(self) -> None:
        """Lets it go."""
        rows = leases.c
        with self._ledger.begin() as transaction:
            transaction.execute(
                update(leases).where(rows.name == self._name, rows.holder == self._holder).values(until=0)
            )
