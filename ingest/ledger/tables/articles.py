"""Articles in their newest revision, their other addresses, and what was rejected."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from ingest.ledger.tables import metadata

articles = Table(
    "articles",
    metadata,
    Column("id", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("text_hash", String, nullable=False),
    Column("title", String, nullable=False),
    Column("feed", String, nullable=False),
    Column("source", String, nullable=False),
    Column("state", String, nullable=False),  # live | withdrawn | retired
    Column("origin", String, nullable=False),
    Column("path", String, nullable=False),
    Column("archive", String, nullable=False, default=""),
    Column("seen", BigInteger, nullable=False),
    Column("published", BigInteger),
    Column("changed", BigInteger, nullable=False),
    Index("articles_by_seen", "seen"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("url", String, primary_key=True),
    Column("article", String, nullable=False),
    Column("kind", String, nullable=False),  # link | final | canonical | copy-at
    Index("aliases_by_article", "article"),
)

rejected = Table(
    "rejected",
    metadata,
    Column("id", String, primary_key=True),  # digest of stage and record
    Column("stage", String, nullable=False),
    Column("record", String, nullable=False),  # id of the entry, article or poll
    Column("feed", String, nullable=False, default=""),
    Column("url", String, nullable=False, default=""),
    Column("reason", String, nullable=False),  # one line for people
    Column("detail", String, nullable=False, default=""),  # traceback and the like
    Column("kind", String, nullable=False, default=""),  # content type of `bytes`
    Column("bytes", LargeBinary, nullable=False),
    Column("times", Integer, nullable=False, default=1),
    Column("state", String, nullable=False),  # open | retried | resolved
    Column("at", BigInteger, nullable=False),
    Index("rejected_by_time", "state", "at"),
)
