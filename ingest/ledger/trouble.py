"""What SQLite says when it cannot go on -> the verdict, with what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from ingest.verdict import Abort, Retry

_FULL = "cannot be written ({error}): make room on the disk or mend it, then start again; what was acknowledged is safe"
_DAMAGED = "is damaged ({error}): stop, keep a copy of the folder, and restore the ledger from a backup"
_CLOSED = "may not be written ({error}): give the user of this process the right to write in its folder"
_VERDICTS = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _FULL,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_READONLY: _CLOSED,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_PERM: _CLOSED,
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raises: Abort where the file at `path` cannot be used; Retry where another program keeps it locked."""
    try:
        yield
    except DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the rest says where it happened
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Retry(f"the ledger {path} is locked by another program; close it") from error
        if code not in _VERDICTS:
            raise
        raise Abort(f"the ledger {path} {_VERDICTS[code].format(error=error.orig)}") from error
