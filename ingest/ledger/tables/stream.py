"""Records between stages, and how far each stage has read."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, text

from ingest.ledger.tables import metadata

# The embedded stream reads these rows in place; beyond one machine the relay carries them to Kafka.
records = Table(
    "records",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", String, nullable=False),
    Column("key", String, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sent", BigInteger),  # when the brokers had it; never set where the rows are read in place
    Index("records_by_topic", "topic", "position"),
    Index("records_unsent", "position", sqlite_where=text("sent IS NULL"), postgresql_where=text("sent IS NULL")),
    sqlite_autoincrement=True,  # a position is never given twice
)

groups = Table(
    "groups",
    metadata,
    Column("name", String, primary_key=True),  # the stage
    Column("topic", String, primary_key=True),
    Column("position", BigInteger, nullable=False),  # last record whose effects are durable
    Column("working", Integer, nullable=False, default=0),  # 1 while a worker holds it: still 1 at start means it died
    Column("at", BigInteger, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("stage", String, primary_key=True),
    Column("record", String, primary_key=True),  # position or id of a record that is tried alone
    Column("count", Integer, nullable=False),
)
