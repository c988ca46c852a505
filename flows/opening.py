"""A folder -> its stores opened: by its one owner for writing, by anyone for reading."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from flows.home import Home, Ownership
from flows.settings import Settings, read_settings
from flows.stream.embedded import EmbeddedStream
from ingest.archive import Archive
from ingest.clock import Clock, now
from ingest.ledger import Ledger
from ingest.verdict import Abort
from search.index.embedded import EmbeddedIndex
from search.query.parse import parse
from search.watches import WatchStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The stores of an owned folder."""

    home: Home
    settings: Settings
    ownership: Ownership
    ledger: Ledger
    index: EmbeddedIndex
    archive: Archive
    stream: EmbeddedStream
    watches: WatchStore
    clock: Clock = now


@contextmanager
def owning(home: Home, *, allow_loopback: bool = False, settings: Settings | None = None) -> Iterator[Parts]:
    """The folder with its lock held.

    Raises: Abort if another process has it, or it cannot be used.
    """
    chosen = settings or read_settings(home)
    if allow_loopback:
        chosen = replace(chosen, fetch=replace(chosen.fetch, allow_loopback=True))
    ownership = Ownership.take(home)
    try:
        ledger = Ledger.open(home.ledger)
        try:
            index = EmbeddedIndex(home.index)
            archive = Archive(home.archive, settings=chosen.archive)
            try:
                yield Parts(
                    home=home,
                    settings=chosen,
                    ownership=ownership,
                    ledger=ledger,
                    index=index,
                    archive=archive,
                    stream=EmbeddedStream(ledger),
                    watches=WatchStore(ledger, parse),
                )
            finally:
                archive.close()
                index.close()
        finally:
            ledger.close()
    finally:
        ownership.release()


@contextmanager
def reading(home: Home) -> Iterator[Ledger]:
    """The folder's ledger, read-only, whoever owns the folder.

    Raises: Abort if there is none.
    """
    try:
        ledger = Ledger.open(home.ledger, writable=False)
    except FileNotFoundError as error:
        raise Abort(f"{error} Give another folder with --home, or start with `tocsin demo`.") from error
    try:
        yield ledger
    finally:
        ledger.close()


def reading_index(home: Home) -> EmbeddedIndex:
    """The folder's index, read-only.

    Raises: Abort if there is none.
    """
    try:
        return EmbeddedIndex(home.index, writable=False)
    except FileNotFoundError as error:
        raise Abort(f"{error} Give another folder with --home, or start with `tocsin demo`.") from error
