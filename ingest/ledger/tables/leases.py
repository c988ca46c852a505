"""Who may do now what only one process may do at a time."""

from sqlalchemy import BigInteger, Column, String, Table

from ingest.ledger.tables import metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),  # the process; empty where it was given back
    Column("until", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),  # another number whenever the holder changed
)
