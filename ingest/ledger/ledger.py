"""One database -> transactions in which the truth is read and written; what is acknowledged is durable."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from ingest.clock import Clock, now, to_ms
from ingest.ledger.migrate import HEAD, check, upgrade
from ingest.ledger.settings import LedgerSettings
from ingest.ledger.sqlite import SQLiteStore
from ingest.ledger.store import Part, Store
from ingest.ledger.tables import stream
from ingest.verdict import Abort, Retry

LOOK_AGAIN_SECONDS = 1.0


class _Open(threading.local):
    """The transaction that this thread is in, and the topics that it has published to."""

    connection: Connection | None = None
    published: set[str] | None = None


class Ledger:
    """The ledger in an SQLite file or on a PostgreSQL server.

    A transaction begun inside another of the same thread joins it. Readers see the last committed state and never
    wait. Safe to share between threads.
    """

    def __init__(self, store: Store, *, clock: Clock = now) -> None:
        self._store, self._clock = store, clock
        self.was: str | None = None  # the version of its tables before it was opened; None where there were none
        self._mine = _Open()
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
        ledger = cls(SQLiteStore(path, writable=writable), clock=clock)
        try:
            ledger._prepare(upgraded=writable)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def connect(
        cls,
        settings: LedgerSettings,
        *,
        clock: Clock = now,
        waiting: Callable[[str], None] = lambda _why: None,
        upgraded: bool = False,
    ) -> "Ledger":
        """The ledger on the PostgreSQL server of `settings`; waits while it is away, and says so once by `waiting`.

        Raises: Abort if it stays away, refuses, or has tables of another version and `upgraded` is not asked for.
        """
        from ingest.ledger.postgresql import PostgreSQLStore

        ledger = cls(PostgreSQLStore(settings), clock=clock)
        until, told = time.monotonic() + settings.wait_seconds, False
        try:
            while True:
                try:
                    ledger._prepare(upgraded=upgraded)
                    return ledger
                except Retry as verdict:
                    if time.monotonic() > until:
                        raise Abort(f"{verdict} (waited {settings.wait_seconds:.0f} s)") from verdict
                    if not told:
                        waiting(f"{verdict} Waiting for it.")
                    told = True
                    time.sleep(LOOK_AGAIN_SECONDS)
        except BaseException:
            ledger.close()
            raise

    def _prepare(self, *, upgraded: bool) -> None:
        """Brings the tables up to date where that is asked for, else finds out whether they are."""
        if upgraded:
            with self.begin() as transaction:
                self.was = upgrade(transaction)
        else:
            with self.read() as connection:
                check(connection)
            self.was = HEAD

    @property
    def name(self) -> str:
        """The file or the server, for people."""
        return self._store.name

    @contextmanager
    def begin(self, part: Part = "all") -> Iterator[Connection]:
        """A writing transaction: durable when the outermost block ends without an exception, undone otherwise.

        `part` says which others may run beside it, see ingest.ledger.store; an SQLite file has one writer anyway.
        Raises: Abort if the disk is full or the database broken; Retry if it is locked or away.
        """
        mine = self._mine
        if mine.connection is not None:
            yield mine.connection
            return
        mine.published = set()
        with self._store.writing(part) as connection:
            mine.connection = connection
            try:
                yield connection
            finally:
                mine.connection = None
        topics = frozenset(mine.published)
        if topics:
            for listener in self._listeners:
                listener(topics)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one committed state and cannot write."""
        with self._store.reading() as connection:
            yield connection

    def publish(self, transaction: Connection, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
        """Adds (key, value) records to `topic`, in order, as part of `transaction`."""
        at = to_ms(self._clock())
        rows = [{"topic": topic, "key": key, "value": value, "at": at} for key, value in records]
        if rows:
            transaction.execute(insert(stream.records), rows)
            if self._mine.published is not None:
                self._mine.published.add(topic)

    def skew_seconds(self) -> float:
        """By how much the server's clock is ahead of this process's, give or take the way there; 0.0 for a file."""
        with self.read() as connection:
            if connection.dialect.name != "postgresql":
                return 0.0
            query = select(func.extract("epoch", func.clock_timestamp()))
            connection.execute(query)  # the first question costs more than the way there
            before = self._clock().timestamp()
            there = float(connection.execute(query).scalar_one())
            return there - (before + self._clock().timestamp()) / 2

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Has `listener` called with the topics of every publishing transaction of this process, once it is durable.

        It is called from the thread that wrote, so it must only signal.
        """
        self._listeners.append(listener)

    def close(self) -> None:
        """Ends all connections; the database then holds everything."""
        self._store.close()
