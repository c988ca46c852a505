"""Who may do what: people, their sessions at the desk page, their API tokens, and tries to sign in that failed."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from ingest.ledger.tables import metadata

# A row without a role is a name that was given at an open desk page: it can be assigned to, and cannot sign in.
people = Table(
    "people",
    metadata,
    Column("name", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("display", String, nullable=False, server_default=""),
    Column("role", String, nullable=False, server_default=""),  # reader | editor | operator
    Column("desks", String, nullable=False, server_default=""),  # a line each; empty: all
    Column("password", String, nullable=False, server_default=""),  # argon2id; empty: only through a trusted proxy
    Column("disabled", BigInteger),  # since when
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),  # digest of the token in the cookie
    Column("person", String, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),  # last, to the minute
    Column("until", BigInteger, nullable=False),
    Column("address", String, nullable=False),
    Column("agent", String, nullable=False),
    Index("sessions_by_person", "person"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String, primary_key=True),  # digest of the token
    Column("person", String, nullable=False),
    Column("name", String, nullable=False),  # unique among the person's
    Column("role", String, nullable=False),  # never counts for more than the person's own
    Column("desks", String, nullable=False),  # a line each; empty: the person's
    Column("made", BigInteger, nullable=False),
    Column("used", BigInteger),  # last, to the minute
    Column("until", BigInteger),
    Index("tokens_by_person", "person", "name", unique=True),
)

# Tries to sign in, by what they have in common; a row goes when it succeeded, or a day after the last try.
tries = Table(
    "sign_in_tries",
    metadata,
    Column("key", String, primary_key=True),  # digest of a person, an address, or both
    Column("count", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),  # none is looked at before
)
