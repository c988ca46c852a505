"""A folder and its settings -> the stores opened: by their one owner, by one of several processes, or to read."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from flows.home import Home, Ownership, Unowned
from flows.route import TOPICS
from flows.settings import Settings, read_settings
from flows.stream import Stream
from flows.stream.embedded import EmbeddedStream
from ingest.archive import Archive
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.facts import first_fact
from ingest.verdict import Abort
from search.index.embedded import EmbeddedIndex
from search.index.port import Index
from search.query.parse import parse
from search.watches import WatchStore

SOLE = "tocsin"  # how the one owner of a folder is named in the ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The opened stores. Where they are `shared`, other processes use them too and the folder has no owner."""

    home: Home
    settings: Settings
    ownership: Ownership | Unowned
    owner: str  # this process, in leases
    shared: bool
    ledger: Ledger
    index: Index
    archive: Archive
    stream: Stream
    watches: WatchStore
    clock: Clock = now


@contextmanager
def owning(
    home: Home,
    *,
    allow_loopback: bool = False,
    settings: Settings | None = None,
    waiting: Callable[[str], None] = lambda _why: None,
) -> Iterator[Parts]:
    """The stores for writing: the folder with its lock held, or those that several processes share.

    `waiting` is told when a server is waited for.
    Raises: Abort if another process has the folder, or a store cannot be used.
    """
    chosen = settings or read_settings(home)
    if allow_loopback:
        chosen = replace(chosen, fetch=replace(chosen.fetch, allow_loopback=True))
    shared = is_shared(chosen)
    with ExitStack() as stack:
        ownership = Unowned.take(home) if shared else Ownership.take(home)
        stack.callback(ownership.release)
        ledger = open_ledger(home, chosen, waiting)
        stack.callback(ledger.close)
        if isinstance(ownership, Unowned):
            ownership.token = shared_secret(ledger)
        name = secrets.token_hex(4)
        archive = Archive(home.archive, settings=chosen.archive, writer=f"{os.getpid()}{name}" if shared else "")
        stack.callback(archive.close)
        index, close_index = open_index(home, chosen)
        stack.callback(close_index)
        stream = open_stream(chosen, ledger, archive)
        stack.callback(stream.close)
        yield Parts(
            home=home,
            settings=chosen,
            ownership=ownership,
            owner=f"{socket.gethostname()}:{os.getpid()}:{name}" if shared else SOLE,
            shared=shared,
            ledger=ledger,
            index=index,
            archive=archive,
            stream=stream,
            watches=WatchStore(ledger, parse, shared=shared),
        )


def is_shared(settings: Settings) -> bool:
    """Whether several processes may work on the stores at once.

    Raises: Abort if the stores do not go together.
    """
    if not settings.ledger.url:
        return False
    for name, why, url in (
        ("stream.url", "its records carried by Kafka", settings.stream.url),
        ("index.url", "an index that several processes can share, Elasticsearch", settings.index.url),
    ):
        if not url:
            raise Abort(
                f"a ledger on PostgreSQL needs {why}: set {name}, or leave out ledger.url for one process with "
                "everything in its folder"
            )
    return True


def shared_secret(ledger: Ledger) -> str:
    """What forms of the desk page are signed with: the same for all its processes, made by the first."""
    with ledger.begin("rows") as transaction:
        return first_fact(transaction, "desk.secret", secrets.token_urlsafe(24), to_ms(now()))


def open_ledger(home: Home, settings: Settings, waiting: Callable[[str], None] = lambda _why: None) -> Ledger:
    """The ledger for writing; the caller owns the folder where it stands there."""
    return Ledger.connect(settings.ledger, waiting=waiting) if settings.ledger.url else Ledger.open(home.ledger)


def open_stream(settings: Settings, ledger: Ledger, archive: Archive | None = None) -> Stream:
    """The stream of the settings.

    Raises: Abort if the brokers stay away, refuse, or lack a topic.
    """
    if not settings.stream.url:
        return EmbeddedStream(ledger)
    from flows.stream.kafka import KafkaStream

    stream = KafkaStream(settings.stream, ledger=ledger, archive=archive)
    try:
        stream.wait(TOPICS)
    except BaseException:
        stream.close()
        raise
    return stream


def open_index(home: Home, settings: Settings, *, writable: bool = True) -> tuple[Index, Callable[[], None]]:
    """The index of the settings, and what closes it. Elasticsearch may be away: what asks it waits or says so.

    Raises: Abort if there is none, or it is of another version.
    """
    if settings.index.url:
        from search.index.elastic.index import ElasticIndex

        there = ElasticIndex(settings.index)
        return there, there.close
    try:
        index = EmbeddedIndex(home.index, writable=writable)
    except FileNotFoundError as error:
        raise Abort(f"{error} Give another folder with --home, or start with `tocsin demo`.") from error
    return index, index.close


@contextmanager
def reading(home: Home) -> Iterator[Ledger]:
    """The ledger, read-only, whoever else works on it.

    Raises: Abort if there is none.
    """
    settings = read_settings(home)
    if settings.ledger.url:
        ledger = Ledger.connect(replace(settings.ledger, wait_seconds=0.0))
    else:
        try:
            ledger = Ledger.open(home.ledger, writable=False)
        except FileNotFoundError as error:
            raise Abort(f"{error} Give another folder with --home, or start with `tocsin demo`.") from error
    try:
        yield ledger
    finally:
        ledger.close()


def reading_index(home: Home) -> Index:
    """The index, read-only.

    Raises: Abort if there is none.
    """
    return open_index(home, read_settings(home), writable=False)[0]
