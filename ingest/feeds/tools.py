"""What the collect stage works with."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from ingest.clock import Clock, now
from ingest.feeds.settings import FeedSettings
from ingest.fetch import Politeness
from ingest.fetch.response import Response
from ingest.fetch.settings import Kind
from ingest.ledger import Ledger

Send = Callable[[Connection, str, Sequence[tuple[str, bytes]]], None]  # transaction, topic, (key, value) records


class Fetching(Protocol):
    """What it needs of a Fetcher."""

    async def get(self, url: str, *, kind: Kind, headers: Mapping[str, str] | None = None) -> Response: ...


class Computing(Protocol):
    """What it needs of the children."""

    async def run(
        self, job: str, items: Sequence[object], before_alone: Callable[[int], None] | None = None
    ) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectTools:
    """The parts that the stage works with; flows puts them together."""

    ledger: Ledger
    fetcher: Fetching
    politeness: Politeness
    children: Computing  # with ingest.feeds.JOBS
    send: Send
    clock: Clock = now
    random: Callable[[], float] = random.random
    settings: FeedSettings = field(default_factory=FeedSettings)
    shared: bool = False  # other processes poll feeds of this ledger: each is claimed before it is polled
    allow_loopback: bool = False  # as in FetchSettings: servers of this machine are polled as often as wanted
