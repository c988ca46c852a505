"""One PostgreSQL database -> transactions that exclude each other by what they change. The door of psycopg."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from ingest.ledger.postgresql_trouble import told
from ingest.ledger.settings import LedgerSettings
from ingest.ledger.store import Part
from ingest.verdict import Abort

LOCKS = 0x70C51  # the first half of the keys of our advisory locks
CONNECT_SECONDS = 10
OPTIONS = {
    "timezone": "UTC",
    "synchronous_commit": "on",  # what is acknowledged survives a power cut, whatever the server's default
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "300s",  # of a process that hangs
}


class PostgreSQLStore:
    """Many writers in many processes; each transaction excludes those of the same part (see `Part`)."""

    def __init__(self, settings: LedgerSettings) -> None:
        """Connects only when asked for a transaction.

        Raises: Abort if the URL is none.
        """
        url = address(settings)
        self.name = f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"
        options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
        arguments = {"options": options, "connect_timeout": CONNECT_SECONDS, "application_name": "tocsin"}
        self._writer = create_engine(
            url,
            connect_args=arguments,
            pool_size=settings.connections,
            max_overflow=0,
            pool_pre_ping=True,  # a server that was started again costs one question, not a failed transaction
            pool_recycle=3600,
            execution_options={"preserve_rowcount": True},  # of an INSERT too, which may do nothing
        )
        event.listen(self._writer, "before_cursor_execute", _without_nul, retval=True)
        event.listen(self._writer, "checkin", _as_the_server_has_it)
        self._reader: Engine = self._writer.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @contextmanager
    def writing(self, part: Part) -> Iterator[Connection]:
        with told(self.name), self._writer.begin() as connection:
            _exclude(connection, part)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with told(self.name), self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
        self._writer.dispose()


def address(settings: LedgerSettings) -> URL:
    """The server's address with the password beside it, for psycopg.

    Raises: Abort if it is none.
    """
    try:
        url = make_url(settings.url)
    except ArgumentError as error:
        raise Abort("ledger.url cannot be read; write postgresql://USER@HOST:5432/DATABASE") from error
    if url.get_backend_name() != "postgresql" or not url.database:
        raise Abort("ledger.url is none of a PostgreSQL server; write postgresql://USER@HOST:5432/DATABASE")
    url = url.set(drivername="postgresql+psycopg")
    return url.set(password=settings.password) if settings.password else url


def _exclude(connection: Connection, part: Part) -> None:
    """Waits until no transaction runs that may not run beside this one; its end lets the next one go on."""
    if part == "all":
        asked = "SELECT pg_advisory_xact_lock(:locks, 0)"
    elif part == "rows":
        asked = "SELECT pg_advisory_xact_lock_shared(:locks, 0)"
    else:
        asked = "SELECT pg_advisory_xact_lock_shared(:locks, 0), pg_advisory_xact_lock(:locks, :key)"
    connection.execute(text(asked), {"locks": LOCKS, "key": zlib.crc32(part.encode()) & 0x7FFFFFFF})


def _as_the_server_has_it(connection: Any, _record: object) -> None:
    """After a reader, the next one writes where the server lets it, and is not told to in spite of the server."""
    if connection is not None and not connection.closed:
        connection.read_only = None


def _without_nul(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> Any:
    """PostgreSQL keeps no NUL in a text; what people or servers sent with one is kept with U+FFFD in its place."""
    many = isinstance(parameters, list)
    rows = parameters if many else [parameters]
    if any(isinstance(value, str) and "\0" in value for row in rows for value in _values(row)):
        rows = [_cleaned(row) for row in rows]
    return statement, rows if many else rows[0]


def _values(row: Any) -> Any:
    return row.values() if isinstance(row, dict) else row or ()


def _cleaned(row: Any) -> Any:
    if isinstance(row, dict):
        return {name: _clean(value) for name, value in row.items()}
    return tuple(_clean(value) for value in row)


def _clean(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
