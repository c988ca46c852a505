"""The ledger as it stands at one moment -> one compressed file, the same from a file and from a server.

A line of JSON each: a head with the version, the columns and the counts; the rows, table by table, as arrays with bytes
in base64; a foot with the SHA-256 of all lines before it. `gzip -dc FILE | head -1 | jq` shows what it holds.
"""

import gzip
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import Connection, LargeBinary, Table, func, select

from ingest.clock import Clock, now
from ingest.ledger import numbers
from ingest.ledger.ledger import Ledger
from ingest.ledger.migrate import HEAD
from ingest.ledger.tables import metadata
from ingest.verdict import Abort

SCHEMA = "tocsin.ledger/1"
BATCH = 1000
LEVEL = 6  # of compression

Progress = Callable[[int, int], None]  # rows done, rows in all


class Columns(msgspec.Struct, frozen=True):
    """What a table in a backup holds."""

    columns: list[str]
    binary: list[str]  # those of them that hold bytes
    rows: int
    last: int | None = None  # the last number that was given to a row, where rows are numbered


class Head(msgspec.Struct, frozen=True):
    """The first line of a backup."""

    schema: str
    version: str
    made: str
    tables: dict[str, Columns]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


class Foot(msgspec.Struct, frozen=True):
    """The last line of a backup."""

    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A backup that is durable."""

    version: str
    rows: int
    bytes: int
    sha256: str


def back_up(
    ledger: Ledger, path: Path, *, clock: Clock = now, progress: Progress = lambda _done, _all: None
) -> Written:
    """Writes the ledger to `path` while others write on; what stood there is replaced once the new one is whole.

    Raises: Abort if the file cannot be written.
    """
    with ledger.read() as connection, _replacing(path) as file:
        head = _head(connection, clock)
        digest = hashlib.sha256()
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=LEVEL, filename="", mtime=0) as packed:
            for line in _lines(connection, head, progress):
                digest.update(line)
                packed.write(line)
            packed.write(_line(Foot(digest.hexdigest())))
    return Written(version=head.version, rows=head.rows, bytes=path.stat().st_size, sha256=digest.hexdigest())


def _head(connection: Connection, clock: Clock) -> Head:
    last = numbers.last(connection)
    tables = {
        str(table.name): Columns(  # SQLAlchemy's names are more than texts
            columns=[str(column.name) for column in table.columns],
            binary=[str(column.name) for column in table.columns if isinstance(column.type, LargeBinary)],
            rows=connection.execute(select(func.count()).select_from(table)).scalar_one(),
            last=last.get(table.name),
        )
        for table in metadata.sorted_tables
    }
    return Head(schema=SCHEMA, version=HEAD, made=f"{clock():%Y-%m-%dT%H:%M:%SZ}", tables=tables)


def _lines(connection: Connection, head: Head, progress: Progress) -> Iterator[bytes]:
    yield _line(head)
    done = 0
    for name in head.tables:
        for rows in _batches(connection, metadata.tables[name]):
            yield b"".join(_line(list(row)) for row in rows)
            done += len(rows)
            progress(done, head.rows)


def _batches(connection: Connection, table: Table) -> Iterator[list[Any]]:
    """The rows in the order of their key, a few at a time."""
    query = select(table).order_by(*table.primary_key.columns)
    found = connection.execution_options(yield_per=BATCH).execute(query)
    yield from (list(rows) for rows in found.partitions(BATCH))


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the name `path` at the end, durably; readable by its owner only, for it holds passwords'
    hashes.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _make_name_durable(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise Abort(
            f"cannot write {path}: {error.strerror or error}; give a place with room that you may write"
        ) from error


def _make_name_durable(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
