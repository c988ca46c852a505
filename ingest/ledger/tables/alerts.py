"""Watches, alert events, deliveries, and what people did."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from ingest.ledger.tables import metadata

watches = Table(
    "watches",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # Watch on the wire
    Column("origin", String, nullable=False),  # "file" or "desk"
    Column("at", BigInteger, nullable=False),
)

watch_versions = Table(
    "watch_versions",
    metadata,
    Column("watch", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("by", String, nullable=False),
    Column("at", BigInteger, nullable=False),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),  # pure function of what caused it: written once
    Column("alert", String, nullable=False),  # digest of watch and story
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("alert_events_by_alert", "alert", "number"),
    sqlite_autoincrement=True,
)

# The fold of each alert's events, kept for listing; can be rebuilt from alert_events.
alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("watch", String, nullable=False),
    Column("story", String, nullable=False),
    Column("desk", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("state", String, nullable=False),  # silent | open | acknowledged | closed | withdrawn | merged
    Column("rang", BigInteger),
    Column("changed", BigInteger, nullable=False),
    Column("last_event", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # Alert on the wire
    Index("alerts_by_change", "changed"),
    Index("alerts_by_story", "story"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String, primary_key=True),  # digest of alert event and channel
    Column("event", BigInteger, nullable=False),  # 0: a notice
    Column("alert", String, nullable=False),  # the notice where it is one
    Column("channel", String, nullable=False),
    Column("state", String, nullable=False),  # waiting | held | sent | failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("due", BigInteger, nullable=False),
    Column("detail", String, nullable=False, default=""),
    Column("at", BigInteger, nullable=False),
    Column("sent", BigInteger),
    Index("deliveries_due", "state", "due"),
    Index("deliveries_by_alert", "alert"),
)

# What is told that is no alert: digests, and what is wrong with Tocsin itself.
notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),  # pure function of what it tells: written once
    Column("kind", String, nullable=False),  # digest | trouble
    Column("body", LargeBinary, nullable=False),  # Notice on the wire
    Column("at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", String, nullable=False, default=""),
)

# Single values: "hold" (all deliveries are held), "heartbeat", counters.
facts = Table(
    "facts",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("at", BigInteger, nullable=False),
)
