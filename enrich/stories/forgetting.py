"""What an article was compared by -> dropped once nothing is compared with it; in which story it stands stays."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from enrich.stories.grouping import StorySettings
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.facts import fact, put_fact
from ingest.ledger.tables.stories import members

SPARE = timedelta(days=1)  # for clocks that differ and records that wait
BATCH = 2000  # rows a transaction, so that nobody waits long
PASSED = "stories.evidence-dropped"  # members up to this number have none any more
rows = members.c


def forget_evidence(ledger: Ledger, now: datetime, settings: StorySettings | None = None) -> int:
    """Gives how many articles lost their evidence. Killed at any moment and run again, it goes on."""
    keep_days = (settings or StorySettings()).keep_days
    before, count = to_ms(now - timedelta(days=keep_days) - SPARE), 0
    while True:
        with ledger.begin() as transaction:
            last = int(fact(transaction, PASSED) or 0)
            upto = min(last + BATCH, _last_old(transaction, last, before))
            if upto <= last:
                return count
            there = (rows.number > last) & (rows.number <= upto) & rows.evidence.is_not(None)
            count += int(transaction.execute(update(members).where(there).values(evidence=None)).rowcount)
            put_fact(transaction, PASSED, str(upto), to_ms(now))


def _last_old(connection: Connection, last: int, before: int) -> int:
    """The last number, beyond `last`, before which all articles arrived too long ago."""
    later = select(func.min(rows.number)).where(rows.number > last)
    young = connection.execute(later.where(rows.seen >= before)).scalar()
    if young is not None:
        return int(young) - 1
    return int(connection.execute(select(func.max(rows.number))).scalar() or 0)
