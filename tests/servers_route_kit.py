"""Servers, a folder -> one Tocsin beyond one machine, and what stands in its stores."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from index_kit import elastic
from route_kit import COMMAND, alerts, environ, found, rejected, tocsin
from servers import Server, fresh_database, own_server, server
from servers_process import Process
from sqlalchemy import select
from stream_kit import own_topics

from flows.home import Home
from flows.opening import open_stream
from flows.settings import Settings, read_settings
from flows.standing import Left, left
from ingest.clock import now
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables.articles import aliases
from ingest.verdict import Abort, Retry

LOOK_SECONDS = 2.0  # between two looks at what is left: each asks two servers
ONE_CHILD = {"TOCSIN__CHILDREN__COUNT": "1"}  # a process: some stand beside each other here


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One Tocsin beyond one machine: its folder, its servers, and what its processes are given."""

    home: Path
    kafka: Process | Server
    elasticsearch: Process | Server
    postgresql: Process | Server
    environment: Mapping[str, str]  # what every process of it is given

    @property
    def settings(self) -> Settings:
        return read_settings(Home(self.home), self.environment)

    def tocsin(self, *arguments: str, **how: object) -> str:
        """Runs the command to its end; gives its standard output."""
        return tocsin(*arguments, home=self.home, **self.environment, **how)

    def found(self, query: str = "*") -> list[dict[str, object]]:
        """What `tocsin find` gives."""
        return found(self.home, query, **self.environment)

    def alerts(self) -> list[dict[str, object]]:
        """What `tocsin alerts` gives."""
        return alerts(self.home, **self.environment)

    def rejected(self) -> list[dict[str, object]]:
        """What `tocsin rejected list` gives, whatever became of it."""
        return rejected(self.home, **self.environment)

    def doctor(self, **more: str) -> str:
        """What `tocsin doctor` says, whether all is well or not; `more` of its environment."""
        given = environ(self.home, {**self.environment, **more})
        done = subprocess.run([COMMAND, "doctor"], capture_output=True, text=True, check=False, env=given)
        return f"{done.stdout}{done.stderr}exit code {done.returncode}"

    def accounted(self) -> set[str]:
        """Every address that an article has, or that was rejected, or that turned out to be another's article."""
        addresses = {address for row in self.found() for address in (row["url"], *row["aliases"])}
        with self.ledger() as ledger, ledger.read() as connection:
            same = connection.execute(select(aliases.c.url).where(aliases.c.kind != "copy-at")).scalars()
            return addresses | {row["url"] for row in self.rejected()} | set(same)

    def deliveries(self) -> list[tuple[str, str, str]]:
        """(id, channel, state) of every delivery."""
        rows = alert_tables.deliveries.c
        with self.ledger() as ledger, ledger.read() as connection:
            return [tuple(row) for row in connection.execute(select(rows.id, rows.channel, rows.state))]

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, as one more process has it."""
        with closing(Ledger.connect(replace(self.settings.ledger, wait_seconds=0.0, connections=2))) as ledger:
            yield ledger

    def left(self) -> Left | None:
        """What is not done yet; None while a server is away."""
        settings = replace(self.settings, stream=replace(self.settings.stream, wait_seconds=0.0))
        try:
            with self.ledger() as ledger, closing(open_stream(settings, ledger)) as stream:
                return left(ledger, stream, now())
        except (Abort, Retry):
            return None

    def wait(
        self, over: Callable[[Left], bool], say: Callable[[Left], None] = lambda _left: None, *, seconds: float
    ) -> Left:
        """Until `over(left)`; fails after `seconds`, which only keeps a test from going on for ever."""
        until, standing = time.monotonic() + seconds, None
        while time.monotonic() < until:
            standing = self.left() or standing
            if standing is not None:
                say(standing)
                if over(standing):
                    return standing
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"not there after {seconds:.0f} s: {standing}")


@contextmanager
def deployment(
    home: Path, *, settings: str = "", elasticsearch: str = "elasticsearch9", **environment: str
) -> Iterator[Deployment]:
    """On servers of its own, which the test may stop. `settings`: what tocsin.toml says."""
    kinds = ("kafka", elasticsearch, "postgresql")
    with ExitStack() as stack:
        with ThreadPoolExecutor(len(kinds)) as starting:
            servers = list(starting.map(lambda kind: stack.enter_context(own_server(kind)), kinds))
        urls = dict(zip(("stream", "index", "ledger"), (one.url for one in servers), strict=True))
        made = _made(home, settings, urls, environment, servers)
        made.tocsin("stream", "apply")
        made.tocsin("index", "apply")
        yield made


@contextmanager
def tenant(
    home: Path, *, settings: str = "", elasticsearch: str = "elasticsearch9", **environment: str
) -> Iterator[Deployment]:
    """The same on the servers of all tests, with names of its own, which are removed after."""
    kinds = ("kafka", elasticsearch, "postgresql")
    servers = [server(kind) for kind in kinds]
    with (
        own_topics(servers[0].url) as stream,
        elastic(elasticsearch) as index,
        fresh_database(servers[2].url) as ledger,
    ):
        names = {
            "TOCSIN__STREAM__PREFIX": stream.prefix,
            "TOCSIN__STREAM__PARTITIONS": str(stream.partitions),
            "TOCSIN__INDEX__NAME": index.server.settings.name,
        }
        urls = {"stream": stream.url, "index": index.server.settings.url, "ledger": ledger}
        yield _made(home, settings, urls, {**names, **environment}, servers)


def _made(
    home: Path, settings: str, urls: Mapping[str, str], environment: Mapping[str, str], servers: Sequence[Server]
) -> Deployment:
    """The folder with its settings, and the ledger's tables."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "tocsin.toml").write_text(settings, encoding="utf-8")
    given = {f"TOCSIN__{name.upper()}__URL": url for name, url in urls.items()}
    kafka, index, ledger = servers
    made = Deployment(
        home=home,
        kafka=kafka,
        elasticsearch=index,
        postgresql=ledger,
        environment={**given, **ONE_CHILD, **environment},
    )
    made.tocsin("ledger", "upgrade")
    return made
