"""The audit -> who did what and when, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from ingest.clock import from_ms
from ingest.ledger import Ledger
from ingest.ledger.tables.alerts import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A line of the audit."""

    number: int
    at: datetime
    who: str
    what: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What to show of the audit; empty: all."""

    who: str = ""
    what: str = ""
    subject: str = ""


def listing(ledger: Ledger, sought: Sought, limit: int) -> tuple[list[Done], int]:
    """The newest lines, and how many there are in all."""
    wanted = _wanted(sought)
    query = select(audit).where(*wanted).order_by(audit.c.number.desc()).limit(limit)
    with ledger.read() as connection:
        total = connection.execute(select(func.count()).select_from(audit).where(*wanted)).scalar_one()
        rows = connection.execute(query).all()
    found = [
        Done(
            number=row.number,
            at=from_ms(row.at),
            who=row.who,
            what=row.what,
            subject=row.subject,
            detail=row.detail,
        )
        for row in rows
    ]
    return found, total


def choices(ledger: Ledger, limit: int = 200) -> tuple[Sequence[str], Sequence[str]]:
    """Who did anything, and what was done, for a list to choose from."""
    with ledger.read() as connection:
        who, what = (
            connection.execute(select(column).distinct().order_by(column).limit(limit)).scalars().all()
            for column in (audit.c.who, audit.c.what)
        )
    return who, what


def _wanted(sought: Sought) -> list[ColumnElement[bool]]:
    pairs = ((audit.c.who, sought.who), (audit.c.what, sought.what), (audit.c.subject, sought.subject))
    return [column == value for column, value in pairs if value]
