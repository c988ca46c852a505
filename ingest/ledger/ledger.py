"""One database file -> transactions: one writer at a time, readers beside it; what is acknowledged is durable."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.pool import NullPool, StaticPool

from ingest.clock import Clock, now, to_ms
from ingest.ledger.tables import metadata, stream

READ_CACHE_KIB = 8192


class Ledger:
    """The ledger in an SQLite file.

    Writing transactions run on one connection, one after the other, whatever thread they come from; a transaction
    begun inside another of the same thread joins it. Readers see the last committed state and never wait.
    Safe to share between threads.
    """

    def __init__(self, writer: Engine | None, reader: Engine, clock: Clock) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock
        self._lock = threading.RLock()
        self._open: Connection | None = None
        self._published: set[str] = set()
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    @classmethod
    def open(cls, path: Path, *, writable: bool = True, clock: Clock = now) -> "Ledger":
        """The ledger in the file at `path`, made where it is missing and `writable`.

        The caller owns the folder (see flows.home); this does not lock it.
        Raises: FileNotFoundError if it is missing and not `writable`.
        """
        if not writable and not path.exists():
            raise FileNotFoundError(f"no ledger at {path}; has `tocsin run` been started with this folder?")
        writer = None
        if writable:
            # StaticPool: exactly one connection ever writes and checkpoints.
            writer = create_engine(
                f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False, "timeout": 30}
            )
            event.listen(writer, "connect", _prepare_writer)
            event.listen(writer, "begin", _begin_immediate)
            with writer.begin() as connection:
                metadata.create_all(connection)
        reader = create_engine(
            f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=NullPool, connect_args={"check_same_thread": False}
        )
        event.listen(reader, "connect", _prepare_reader)
        return cls(writer, reader, clock)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: durable when the outermost block ends without an exception, undone otherwise."""
        if self._writer is None:
            raise PermissionError("this ledger was opened for reading")
        with self._lock:
            if self._open is not None:
                yield self._open
                return
            self._published.clear()
            with self._writer.begin() as connection:
                self._open = connection
                try:
                    yield connection
                finally:
                    self._open = None
            topics = frozenset(self._published)
        if topics:
            for listener in self._listeners:
                listener(topics)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one committed state and cannot write."""
        with self._reader.connect() as connection:
            yield connection

    def publish(self, transaction: Connection, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
        """Adds (key, value) records to `topic`, in order, as part of `transaction`."""
        at = to_ms(self._clock())
        rows = [{"topic": topic, "key": key, "value": value, "at": at} for key, value in records]
        if rows:
            transaction.execute(insert(stream.records), rows)
            self._published.add(topic)

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Has `listener` called with the topics of every publishing transaction, once it is durable.

        It is called from the thread that wrote, so it must only signal.
        """
        self._listeners.append(listener)

    def close(self) -> None:
        """Ends all connections; the file then holds everything."""
        with self._lock:
            if self._writer is not None:
                self._writer.dispose()
            self._reader.dispose()


def _prepare_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_reader(connection: Any, _record: object) -> None:
    connection.execute(f"PRAGMA cache_size=-{READ_CACHE_KIB}").close()
