"""Where the ledger's tables stand: what the ledger needs of SQLite and of PostgreSQL."""

from contextlib import AbstractContextManager
from typing import Literal, Protocol

from sqlalchemy import Connection

# What a transaction changes. "all": no other transaction writes at the same time. Another name: none of that name does.
# "rows": others of the same kind may run beside it, as the locks of its rows suffice.
Part = Literal["all", "rows", "fetches", "hosts", "stories", "alerts"]


class Store(Protocol):
    """One database. What goes wrong is told by the verdicts of ingest.verdict."""

    name: str  # for people: the file, or the server without its password

    def writing(self, part: Part) -> AbstractContextManager[Connection]:
        """A transaction: durable when the block ends without an exception, undone otherwise."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection that sees one committed state and cannot write."""

    def close(self) -> None:
        """Ends all connections."""
