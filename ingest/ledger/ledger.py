"""One database file -> transactions: one writer at a time, readers beside it; what is acknowledged is durable."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.pool import QueuePool, StaticPool

from ingest.clock import Clock, now, to_ms
from ingest.ledger.migrate import check, upgrade
from ingest.ledger.tables import stream
from ingest.ledger.trouble import told

READ_CACHE_KIB = 4096
READERS_KEPT = 6
WAIT_MS = 30_000  # for another program that holds the file, such as a backup
LOG_BYTES = 32 * 1024 * 1024  # what the write-ahead log keeps of the disk after a long reader let it grow


class Ledger:
    """The ledger in an SQLite file.

    Writing transactions run on one connection, one after the other, whatever thread they come from; a transaction
    begun inside another of the same thread joins it. Readers see the last committed state and never wait.
    Safe to share between threads.
    """

    def __init__(self, path: Path, *, writer: Engine | None, reader: Engine, clock: Clock) -> None:
        self._path, self._writer, self._reader, self._clock = path, writer, reader, clock
        self._lock = threading.RLock()
        self._open: Connection | None = None
        self._published: set[str] = set()
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    @classmethod
    def open(cls, path: Path, *, writable: bool = True, clock: Clock = now) -> "Ledger":
        """The ledger in the file at `path`, made where it is missing and `writable`.

        The caller owns the folder (see flows.home); this does not lock it.
        Raises: FileNotFoundError if it is missing and not `writable`; Abort if it is of another version that cannot be
        brought up to date, or the file cannot be used.
        """
        if not writable and not path.exists():
            raise FileNotFoundError(f"no ledger at {path}; has `tocsin run` been started with this folder?")
        ledger = cls(path, writer=_writing(path) if writable else None, reader=_reading(path), clock=clock)
        try:
            if writable:
                with ledger.begin() as transaction:
                    upgrade(transaction)
            else:
                with told(path), ledger.read() as connection:
                    check(connection)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: durable when the outermost block ends without an exception, undone otherwise.

        Raises: Abort if the disk is full or broken; Retry if another program keeps the file locked.
        """
        if self._writer is None:
            raise PermissionError("this ledger was opened for reading")
        with self._lock:
            if self._open is not None:
                yield self._open
                return
            self._published.clear()
            with told(self._path), self._writer.begin() as connection:
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


def _writing(path: Path) -> Engine:
    # StaticPool: exactly one connection ever writes and checkpoints.
    engine = create_engine(f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare_writer)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _reading(path: Path) -> Engine:
    # Connections are used again: to open one costs more than most of what is asked. Given back, it holds no state.
    engine = create_engine(
        f"sqlite:///file:{path}?mode=ro&uri=true",
        poolclass=QueuePool,
        pool_size=READERS_KEPT,
        max_overflow=-1,  # none waits for another
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_reader)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        f"busy_timeout={WAIT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"journal_size_limit={LOG_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")  # or each SELECT would see a state of its own


def _prepare_reader(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (f"busy_timeout={WAIT_MS}", f"cache_size=-{READ_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}").close()
