"""Single values of the ledger by name: who holds all deliveries, the heartbeat, how far a follower is."""

from sqlalchemy import Connection, select

from ingest.ledger.tables.alerts import facts
from ingest.ledger.upsert import upsert


def fact(connection: Connection, name: str) -> str | None:
    """The value; None where it was never set."""
    return connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()


def put_fact(transaction: Connection, name: str, value: str, at_ms: int) -> None:
    """Sets the value."""
    row = {"name": name, "value": value, "at": at_ms}
    newest = upsert(transaction, facts).values(row)
    transaction.execute(newest.on_conflict_do_update(index_elements=["name"], set_=row))


def first_fact(transaction: Connection, name: str, value: str, at_ms: int) -> str:
    """Sets the value where there is none yet; gives the one that stands, whoever set it."""
    row = {"name": name, "value": value, "at": at_ms}
    transaction.execute(upsert(transaction, facts).values(row).on_conflict_do_nothing())
    stands = fact(transaction, name)
    assert stands is not None  # ours, or that of whoever was first
    return stands
