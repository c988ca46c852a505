"""One SQLite file -> transactions: one writer at a time, readers beside it. A door of sqlite3."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

from ingest.ledger.store import Part
from ingest.ledger.trouble import told

READ_CACHE_KIB = 4096
READERS_KEPT = 6
WAIT_MS = 30_000  # for another program that holds the file, such as a backup
LOG_BYTES = 32 * 1024 * 1024  # what the write-ahead log keeps of the disk after a long reader let it grow


class SQLiteStore:
    """All parts are one: the file has one writer."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.name, self._path = str(path), path
        self._writer = _writing(path) if writable else None
        self._reader = _reading(path)
        self._lock = threading.RLock()

    @contextmanager
    def writing(self, part: Part) -> Iterator[Connection]:
        if self._writer is None:
            raise PermissionError("this ledger was opened for reading")
        with self._lock, told(self._path), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with told(self._path), self._reader.connect() as connection:
            yield connection

    def close(self) -> None:
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
