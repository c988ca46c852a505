"""What the extract stage works with, and how it is set."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from ingest.archive import Archive, Capture
from ingest.article import Article, Credit
from ingest.clock import Clock, now
from ingest.entry import Entry, Stamp
from ingest.fetch import Politeness, Robots
from ingest.fetch.response import Response
from ingest.fetch.settings import Kind
from ingest.ledger import Ledger
from ingest.queue import QueueSettings

PAGE_JOB, ENTRY_JOB = "extract", "extract-entry"
JOBS = {PAGE_JOB: "ingest.extract:extract_page", ENTRY_JOB: "ingest.extract:from_entry"}  # for the pool of children

Send = Callable[[Connection, str, Sequence[tuple[str, bytes]]], None]  # transaction, topic, (key, value) records
Told = Callable[[Sequence[Article]], None]


class Fetching(Protocol):
    """What it needs of a Fetcher."""

    async def get(self, url: str, *, kind: Kind) -> Response: ...


class Computing(Protocol):
    """What it needs of the children."""

    async def run(
        self, job: str, items: Sequence[object], before_alone: Callable[[int], None] | None = None
    ) -> Sequence[object]: ...


class Extraction(Protocol):
    """What was read out of a page, or out of an entry."""

    @property
    def title(self) -> str: ...
    @property
    def title_source(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def published(self) -> Stamp | None: ...
    @property
    def modified(self) -> Stamp | None: ...
    @property
    def authors(self) -> tuple[Credit, ...]: ...
    @property
    def canonical(self) -> str: ...
    @property
    def copy_at(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def flags(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """How much the stage does at once."""

    in_hand: int = 64  # pages taken and not yet finished
    batch: int = 32  # most pages finished in one transaction
    finishers: int = 2  # batches being read at the same time
    linger_seconds: float = 0.05  # how long a batch waits for more
    look_again_seconds: float = 0.25  # while nothing is due
    queue: QueueSettings = field(default_factory=QueueSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The parts that the stage works with; flows puts them together."""

    ledger: Ledger
    fetcher: Fetching
    robots: Robots
    politeness: Politeness
    children: Computing
    archive: Archive
    send: Send
    clean: Callable[[str], str]  # an address as identity has it
    page: Callable[[Capture, Entry], object]  # what the job PAGE_JOB takes
    published: Told = lambda _articles: None  # told of articles that entries brought, once they are durable
    clock: Clock = now
    random: Callable[[], float] = random.random
    settings: PageSettings = field(default_factory=PageSettings)
    sole: bool = True  # no other process takes fetches of this ledger: what is held at start is a dead one's

    def now(self) -> datetime:
        return self.clock()
