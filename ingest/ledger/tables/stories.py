"""Which article stands in which story, and what the stories stage needs to go on after a restart."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table

from ingest.ledger.tables import metadata

stories = Table(
    "stories",
    metadata,
    Column("id", String, primary_key=True),  # digest of the first article
    Column("title", String, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Index("stories_by_time", "last_seen"),
)

# A fact: read on replay, never computed again.
members = Table(
    "story_members",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("article", String, nullable=False, unique=True),
    Column("story", String, nullable=False),  # as assigned; story_aliases tells what it was merged into
    Column("copy_of", String, nullable=False, default=""),
    Column("revision", Integer, nullable=False),
    Column("score", Float),
    Column("joined", String, nullable=False, default=""),  # why, a line each
    Column("new", String, nullable=False, default=""),  # what it added, a line each
    Column("language", String, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("evidence", LargeBinary),  # StoryKeys, for 14 days
    Index("members_by_story", "story"),
    Index("members_by_time", "seen"),
    sqlite_autoincrement=True,
)

story_aliases = Table(
    "story_aliases",
    metadata,
    Column("gone", String, primary_key=True),
    Column("kept", String, nullable=False),
    Column("article", String, nullable=False),  # the one that showed them to be the same
    Column("score", Float),
    Column("at", BigInteger, nullable=False),
    Index("story_aliases_by_kept", "kept"),
)

story_links = Table(
    "story_links",
    metadata,
    Column("story", String, primary_key=True),
    Column("other", String, primary_key=True),
    Column("score", Float, nullable=False),
    Column("at", BigInteger, nullable=False),
)
