"""A backup -> the ledger that it was taken of, in a file or on a server, whole or not at all."""

import base64
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, column, delete, func, insert, select, table

from ingest.ledger import numbers
from ingest.ledger.backup import BATCH, SCHEMA, Columns, Foot, Head, Progress
from ingest.ledger.ledger import Ledger
from ingest.ledger.migrate import HEAD, anew, upgrade
from ingest.ledger.tables import metadata
from ingest.verdict import Abort, Reject


def examine(path: Path) -> Head:
    """What a backup holds, once all of it was read and found whole.

    Raises: Reject saying what is wrong with the file.
    """
    digest, rows = hashlib.sha256(), 0
    with _reading(path) as lines:
        first = next(lines, b"")
        head = _head(first, path)
        digest.update(first)
        for line in lines:
            if line.startswith(b"{"):
                foot = msgspec.json.decode(line, type=Foot)
                ends = next(lines, None) is None  # and is whole to its last byte, which is only seen by going on
                if foot.sha256 != digest.hexdigest() or rows != head.rows or not ends:
                    raise Reject(f"{path} is damaged: its rows are not those that were written; take another backup")
                return head
            digest.update(line)
            rows += 1
    raise Reject(f"{path} is broken off after {rows} of {head.rows} rows; take another backup")


def restore(
    ledger: Ledger, path: Path, *, replace: bool = False, progress: Progress = lambda _done, _all: None
) -> Head:
    """Puts the rows of a backup into `ledger`, in one transaction; gives what it held.

    A backup of an older version is brought up to date within it.
    Raises: Reject if the file cannot be used; Abort if the ledger holds rows and `replace` is not asked for.
    """
    head = examine(path)
    with ledger.begin() as transaction:
        filled = [name for name in metadata.tables if _count(transaction, name)]
        if filled and not replace:
            some = ", ".join(filled[:5])
            raise Abort(f"the ledger {ledger.name} is not empty (rows in {some}): --replace removes what it holds")
        if head.version == HEAD:
            for name in filled:
                transaction.execute(delete(metadata.tables[name]))
        else:
            anew(transaction, head.version)
        _fill(transaction, head, path, progress)
        upgrade(transaction)
        numbers.go_on_after(
            transaction, {name: kept.last for name, kept in head.tables.items() if kept.last is not None}
        )
    return head


def _fill(transaction: Connection, head: Head, path: Path, progress: Progress) -> None:
    done = 0
    with _reading(path) as lines:
        next(lines)
        for name, kept in head.tables.items():
            left = kept.rows
            while left:
                size = min(left, BATCH)
                rows = [_row(next(lines), kept) for _ in range(size)]
                transaction.execute(insert(table(name, *map(column, kept.columns))), rows)
                left, done = left - size, done + size
                progress(done, head.rows)
            if _count(transaction, name) != kept.rows:
                raise Abort(f"{_count(transaction, name)} of {kept.rows} rows of {name} came in; nothing was changed")


def _row(line: bytes, kept: Columns) -> dict[str, Any]:
    row = dict(zip(kept.columns, msgspec.json.decode(line), strict=True))
    for name in kept.binary:
        if row[name] is not None:
            row[name] = base64.b64decode(row[name])
    return row


def _count(connection: Connection, name: str) -> int:
    return connection.execute(select(func.count()).select_from(table(name))).scalar_one()


def _head(line: bytes, path: Path) -> Head:
    try:
        head = msgspec.json.decode(line, type=Head)
    except msgspec.MsgspecError as error:
        raise Reject(f"{path} is no backup of a ledger: {error}") from error
    if head.schema != SCHEMA or head.version > HEAD:
        raise Reject(
            f"{path} was written by a newer Tocsin (version {head.version}, this one knows {HEAD}): use that one"
        )
    return head


@contextmanager
def _reading(path: Path) -> Iterator[Iterator[bytes]]:
    """The lines of a backup.

    Raises: Reject if it cannot be read.
    """
    try:
        with gzip.open(path, "rb") as lines:
            yield iter(lines)
    except (EOFError, zlib.error, gzip.BadGzipFile, msgspec.MsgspecError, StopIteration) as error:
        raise Reject(f"{path} is damaged or no backup of a ledger ({error}); take another backup") from error
    except OSError as error:
        raise Reject(f"{path} cannot be read: {error.strerror or error}") from error
