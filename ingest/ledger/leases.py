"""A name in the ledger -> the one process that may do now what it stands for; another takes over when that one dies."""

from sqlalchemy import Connection, Row, func, select, update

from ingest.clock import Clock, now, to_ms
from ingest.ledger.ledger import Ledger
from ingest.ledger.tables.leases import leases
from ingest.ledger.upsert import upsert
from ingest.verdict import Retry

SECONDS = 15.0
rows = leases.c


class Lease:
    """Held by at most one holder at a time, for `seconds` from the last `take` or `keep`.

    Whoever changes the ledger under it calls `hold` first within the same transaction: then nobody else can have taken
    it before that transaction ends, however long it was held up.
    """

    def __init__(self, ledger: Ledger, name: str, holder: str, *, seconds: float = SECONDS, clock: Clock = now) -> None:
        self.name, self.holder, self.seconds = name, holder, seconds
        self._ledger, self._clock = ledger, clock

    def take(self) -> bool:
        """Takes it where nobody has it, or keeps it; False where another has it."""
        with self._ledger.begin("rows") as transaction:
            found = self._row(transaction)
            if found is None:
                free = {"name": self.name, "holder": "", "until": 0, "fence": 0}
                transaction.execute(upsert(transaction, leases).values(free).on_conflict_do_nothing())
                found = self._row(transaction)
                assert found is not None
            at = self._now(transaction)
            if found.holder != self.holder and found.until > at:
                return False
            changed = int(found.holder != self.holder)
            values = {"holder": self.holder, "until": at + round(self.seconds * 1000), "fence": found.fence + changed}
            transaction.execute(update(leases).where(rows.name == self.name).values(values))
        return True

    def keep(self) -> bool:
        """Holds it for longer; False where it has been lost to another."""
        with self._ledger.begin("rows") as transaction:
            found = self._row(transaction)
            if found is None or found.holder != self.holder:
                return False
            until = self._now(transaction) + round(self.seconds * 1000)
            transaction.execute(update(leases).where(rows.name == self.name).values(until=until))
        return True

    def drop(self) -> None:
        """Gives it back: another may take it at once."""
        with self._ledger.begin("rows") as transaction:
            mine = (rows.name == self.name) & (rows.holder == self.holder)
            transaction.execute(update(leases).where(mine).values(holder="", until=0))

    def hold(self, transaction: Connection) -> None:
        """Keeps everybody else from taking it until `transaction` ends.

        Raises: Retry if another has it by now.
        """
        found = self._row(transaction)
        if found is None or found.holder != self.holder:
            raise Retry(f"{self.name} has gone to another process")

    def _row(self, transaction: Connection) -> "Row[tuple[str, str, int, int]] | None":
        return transaction.execute(select(leases).where(rows.name == self.name).with_for_update()).one_or_none()

    def _now(self, transaction: Connection) -> int:
        """The server's time where several machines share one, for their clocks may differ."""
        if transaction.dialect.name == "postgresql":
            seconds = transaction.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
            return round(float(seconds) * 1000)
        return to_ms(self._clock())


def standing(connection: Connection) -> dict[str, tuple[str, int]]:
    """name -> (holder, until in ms since 1970) of every lease that somebody has."""
    query = select(rows.name, rows.holder, rows.until).where(rows.holder != "").order_by(rows.name)
    return {name: (holder, until) for name, holder, until in connection.execute(query)}
