"""The settings of a folder -> its ledger brought up to date, backed up, restored and described, wherever it stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.home import Home, Ownership
from flows.settings import read_settings
from ingest.clock import now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.backup import Head, Progress, Written, back_up
from ingest.ledger.leases import standing
from ingest.ledger.migrate import HEAD
from ingest.ledger.restore import restore
from ingest.ledger.state import State, state
from ingest.verdict import Abort

Say = Callable[[str], None]


def bring_up_to_date(home: Home, say: Say) -> tuple[str, str | None]:
    """The name of the ledger, and the version that it had; None where it had no tables. It then has HEAD.

    Raises: Abort if it is a newer Tocsin's, or cannot be used; for a file, if another process has the folder.
    """
    with _writing(home, say) as ledger:
        return ledger.name, ledger.was


def write_backup(home: Home, path: Path, say: Say, progress: Progress) -> Written:
    """Writes the ledger to `path`; whoever works with it works on meanwhile.

    Raises: Abort if the file cannot be written or there is no ledger.
    """
    with reading(home, say) as ledger:
        return back_up(ledger, path, progress=progress)


def read_backup(home: Home, path: Path, say: Say, progress: Progress, *, replace: bool) -> Head:
    """Puts a backup into the ledger of the folder, of which no other process may make use.

    Raises: Reject if the file cannot be used; Abort if the ledger is not empty and `replace` is not asked for, or
    processes work with it.
    """
    with _writing(home, say) as ledger:
        with ledger.read() as connection:
            at = to_ms(now())
            holders = sorted({holder for holder, until in standing(connection).values() if until > at})
        if holders:
            raise Abort(f"processes work with the ledger ({', '.join(holders)}): end all of them first")
        return restore(ledger, path, replace=replace, progress=progress)


def describe(home: Home, say: Say) -> State:
    """How the ledger stands.

    Raises: Abort if there is none, or it is of another version.
    """
    with reading(home, say) as ledger:
        return state(ledger)


@contextmanager
def reading(home: Home, say: Say) -> Iterator[Ledger]:
    """The ledger that the folder's settings name, for reading.

    Raises: Abort if there is none.
    """
    settings = read_settings(home).ledger
    try:
        ledger = Ledger.connect(settings, waiting=say) if settings.url else Ledger.open(home.ledger, writable=False)
    except FileNotFoundError as error:
        raise Abort(f"{error} Give another folder with --home, or name a server in [ledger] url.") from error
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def _writing(home: Home, say: Say) -> Iterator[Ledger]:
    """The same for writing, with the newest tables; a file alone, as the folder's owner."""
    settings = read_settings(home).ledger
    ownership = None if settings.url else Ownership.take(home)
    try:
        ledger = Ledger.connect(settings, waiting=say, upgraded=True) if settings.url else Ledger.open(home.ledger)
        try:
            yield ledger
        finally:
            ledger.close()
    finally:
        if ownership is not None:
            ownership.release()


__all__ = ["HEAD", "bring_up_to_date", "describe", "read_backup", "reading", "write_backup"]
