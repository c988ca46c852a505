"""Feeds, their polls, the entries they showed, and what is to be fetched."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table

from ingest.ledger.tables import metadata

feeds = Table(
    "feeds",
    metadata,
    Column("id", String, primary_key=True),  # digest of the address as given
    Column("url_given", String, nullable=False),
    Column("url", String, nullable=False),  # after permanent redirects
    Column("title", String, nullable=False, default=""),
    Column("site", String, nullable=False, default=""),
    Column("language", String, nullable=False, default=""),
    Column("tags", String, nullable=False, default=""),  # separated by commas
    Column("list", String, nullable=False, default=""),  # the list that named it, empty where it was given alone
    Column("wanted_seconds", Float),  # the operator's interval; NULL: learned
    Column("added", BigInteger, nullable=False),
    Column("removed", BigInteger),  # no longer listed: kept, never polled
    Column("etag", String, nullable=False, default=""),
    Column("last_modified", String, nullable=False, default=""),
    Column("body_hash", String, nullable=False, default=""),
    Column("next_poll", BigInteger, nullable=False),
    Column("interval_seconds", Float, nullable=False),
    Column("failures", Integer, nullable=False, default=0),  # in a row
    Column("first_poll", BigInteger),
    Column("last_poll", BigInteger),
    Column("last_success", BigInteger),
    Column("last_new", BigInteger),  # when an entry was last new
    Column("gap_seconds", Float, nullable=False, default=0.0),  # usual time between polls with new entries
    Column("last_probe", BigInteger),  # last unconditional GET
    Column("distrusted", BigInteger),  # when its 304 was found to be wrong: asked in full since
    Column("outcome", String, nullable=False, default=""),  # one word, of the last poll
    Column("detail", String, nullable=False, default=""),
    Column("moved_to", String, nullable=False, default=""),
    Column("moved_times", Integer, nullable=False, default=0),
    Column("moved_since", BigInteger),
    Column("missed", Integer, nullable=False, default=0),  # times that no entry overlapped the last poll
    Column("entries", Integer, nullable=False, default=0),  # seen so far
    Column("capped", Integer, nullable=False, default=0),  # entries left out by the limit
    Column("lease", BigInteger, nullable=False, default=0),
    Index("feeds_due", "next_poll"),
)

polls = Table(
    "polls",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("feed", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("outcome", String, nullable=False),
    Column("status", Integer),
    Column("entries", Integer, nullable=False, default=0),
    Column("new", Integer, nullable=False, default=0),
    Column("changed", Integer, nullable=False, default=0),
    Column("capped", Integer, nullable=False, default=0),
    Column("cut", Integer, nullable=False, default=0),  # entries whose text was over the limit
    Column("failed", Integer, nullable=False, default=0),  # entries that could not be read
    Column("bytes", Integer, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("detail", String, nullable=False, default=""),
    Index("polls_by_feed", "feed", "at"),
)

entries = Table(
    "entries",
    metadata,
    Column("id", String, primary_key=True),
    Column("feed", String, nullable=False),
    Column("link", String, nullable=False),
    Column("article", String, nullable=False),  # digest of the cleaned link
    Column("content_hash", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Index("entries_by_feed", "feed", "last_seen"),
    Index("entries_by_article", "article"),
)

# The fetch queue: waiting -> leased -> done | unchanged (nothing new on the page) | same (another entry tells the same
# article) | rejected
fetches = Table(
    "fetches",
    metadata,
    Column("id", String, primary_key=True),  # digest of entry and content hash, or of article and check
    Column("entry", String, nullable=False),
    Column("article", String, nullable=False),
    Column("url", String, nullable=False),
    Column("host", String, nullable=False),
    Column("reason", String, nullable=False),  # new | edited | check-1h | check-6h | check-24h | first-poll | backfill
    Column("state", String, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),  # fetches tried, counted before each
    Column("deaths", Integer, nullable=False, default=0),  # times that reading it alone killed a child
    Column("lease", BigInteger, nullable=False, default=0),
    Column("detail", String, nullable=False, default=""),
    Column("record", LargeBinary, nullable=False),  # the Entry on the wire
    Column("told", String, nullable=False, default=""),  # digest of what the entry tells: its title and summary
    Column("at", BigInteger, nullable=False),  # arrival of the entry; of a check, when it was planned
    Column("finished", BigInteger),
    Index("fetches_due", "state", "due"),
    Index("fetches_by_host", "state", "host", "due"),
    Index("fetches_by_article", "article"),
    Index("fetches_by_entry", "entry"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("host", String, primary_key=True),  # with its port
    Column("next_start", BigInteger, nullable=False, default=0),
    Column("lease", BigInteger, nullable=False, default=0),
    Column("leased_by", String, nullable=False, default=""),  # the process that may start requests until `lease`
    Column("failures", Integer, nullable=False, default=0),
    Column("robots", LargeBinary),
    Column("robots_status", Integer),
    Column("robots_at", BigInteger),
    Column("robots_due", BigInteger, nullable=False, default=0),
    Column("robots_failures", Integer, nullable=False, default=0),
)
