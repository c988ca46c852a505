"""The ledger -> stories as people list them."""

from dataclasses import dataclass

from sqlalchemy import func, select

from ingest.ledger import Ledger
from ingest.ledger.tables import stories as tables


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRow:
    """A story as the list shows it."""

    id: str
    title: str
    size: int
    first_seen: int
    last_seen: int


def newest_stories(ledger: Ledger, limit: int) -> tuple[list[StoryRow], int]:
    """The stories that grew last, and how many there are in all; those that were merged into others are left out."""
    rows = tables.stories.c
    with ledger.read() as connection:
        query = select(tables.stories).where(rows.size > 0).order_by(rows.last_seen.desc(), rows.id).limit(limit)
        total = connection.execute(select(func.count()).where(rows.size > 0)).scalar_one()
        return [StoryRow(**row._mapping) for row in connection.execute(query)], total
