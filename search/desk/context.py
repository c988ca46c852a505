"""What the desk page needs from the rest of Tocsin; flows/ fills it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from enrich.article import EnrichedArticle
from ingest.clock import Clock, now
from ingest.ledger import Ledger
from ingest.verdict import Reject
from search.alerts.why_not import Answer
from search.deliver.settings import ChannelSettings
from search.index.port import Index
from search.people.sessions import Lasting
from search.watch import Watch
from search.watches.store import WatchStore


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """Where the desk page answers, and whom."""

    host: str = "127.0.0.1"
    port: int = 8740  # 0 takes a free one
    url: str = ""  # where people find it: https://desk.example, without a path
    hosts: tuple[str, ...] = ()  # further names that may stand in the Host header
    certificate_file: Path | None = None  # with key_file: TLS without a proxy
    key_file: Path | None = None
    insecure: bool = False  # lets a public address answer without TLS: passwords can be read on the way
    proxy_addresses: tuple[str, ...] = ()  # of proxies that are believed: "10.0.0.5" or "10.0.0.0/24"
    proxy_header: str = ""  # in which such a proxy names who signed in: "X-Forwarded-User"
    proxy_role: Literal["", "reader", "editor", "operator"] = ""  # of whom it names and nobody added; empty: refused
    session_idle_minutes: int = 12 * 60
    session_hours: int = 7 * 24  # in all
    alerts: int = 40  # shown before "show more"


def lasting(settings: DeskSettings) -> Lasting:
    """How long a session is good."""
    return Lasting(idle_ms=settings.session_idle_minutes * 60_000, most_ms=settings.session_hours * 3_600_000)


Operate = Callable[[str, Mapping[str, Any]], dict[str, Any]]


def _nothing(what: str, _asked: Mapping[str, Any]) -> dict[str, Any]:
    raise Reject(f"there is no {what!r} to ask for here")


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The parts behind the page. Everything here is called from several threads at once; `test_ring` alone is awaited.

    What goes wrong is said by the verdicts: the page shows the words of a Reject, a Retry or an Abort.
    """

    ledger: Ledger
    index: Index
    watches: WatchStore
    enrich: Callable[[str], EnrichedArticle]  # a sentence of an example -> what is understood of it
    test_ring: Callable[[str, str], Awaitable[str]]  # (channel, who asks) -> what came of it, for people
    why_not: Callable[[str, str], Answer]  # (address of an article, id of a watch)
    add_feeds: Callable[[str], str]  # address or list of feeds -> what came of it, for people
    operate: Operate = _nothing  # (what, how) -> what came of a digest and the like
    channels: Sequence[ChannelSettings] = ()
    blind: Callable[[Watch], str] = lambda _watch: ""  # what the watch cannot see now, for people; empty: nothing
    token: str  # of the folder: commands prove with it that they are the owner's; form tokens are made from it
    alive: Callable[[], str] = lambda: ""  # empty while all is well, else what is not
    clock: Clock = now
    settings: DeskSettings = field(default_factory=DeskSettings)
