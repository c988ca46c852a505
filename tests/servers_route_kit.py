"""Servers of a test's own, a folder -> the route as an operator runs it beyond one machine: processes that die."""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from route_kit import COMMAND, alerts, environ, kill_tree, objects, rejected, tocsin
from servers import own_server
from servers_process import Process
from sqlalchemy import select

from flows.home import Home
from flows.opening import open_stream
from flows.route import ROUTE, TOPICS
from flows.settings import Settings, read_settings
from flows.standing import Left, left
from flows.stream.kafka_connect import Brokers
from flows.stream.kafka_topics import apply
from ingest.clock import now
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables.articles import aliases
from ingest.verdict import Abort, Retry

STAGES = tuple(arrow.stage for arrow in ROUTE)
LOOK_SECONDS = 2.0  # between two looks at what is left: each asks two servers
AGAIN_SECONDS = 1.0  # until a process that ended is started again, as by a service manager
END_SECONDS = 60.0  # for a process to end in its own way
ONE_CHILD = {"TOCSIN__CHILDREN__COUNT": "1"}  # a process: some stand beside each other here


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One Tocsin on servers of its own: Kafka, Elasticsearch, PostgreSQL."""

    home: Path
    kafka: Process
    elasticsearch: Process
    postgresql: Process
    environment: Mapping[str, str]  # what every process of it is given

    @property
    def settings(self) -> Settings:
        return read_settings(Home(self.home), self.environment)

    def tocsin(self, *arguments: str, **how: object) -> str:
        """Runs the command to its end; gives its standard output."""
        return tocsin(*arguments, home=self.home, **self.environment, **how)

    def found(self, query: str = "*") -> list[dict[str, object]]:
        """What `tocsin find` gives."""
        return objects(self.tocsin("find", query, "--limit", "100000", "--json"))

    def alerts(self) -> list[dict[str, object]]:
        """What `tocsin alerts` gives."""
        return alerts(self.home, **self.environment)

    def rejected(self) -> list[dict[str, object]]:
        """What `tocsin rejected list` gives, whatever became of it."""
        return rejected(self.home, **self.environment)

    def doctor(self) -> str:
        """What `tocsin doctor` says, whether all is well or not."""
        done = subprocess.run(
            [COMMAND, "doctor"], capture_output=True, text=True, check=False, env=environ(self.home, self.environment)
        )
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

    def wait(self, over, say=lambda _left: None, *, seconds: float) -> Left:
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
    """Servers started, the ledger's tables, the topics and the index made. `settings`: what tocsin.toml says."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "tocsin.toml").write_text(settings, encoding="utf-8")
    with ExitStack() as stack:
        kinds = ("kafka", elasticsearch, "postgresql")
        with ThreadPoolExecutor(len(kinds)) as starting:
            kafka, index, ledger = starting.map(lambda kind: stack.enter_context(own_server(kind)), kinds)
        given = {
            "TOCSIN__LEDGER__URL": ledger.url,
            "TOCSIN__STREAM__URL": kafka.url,
            "TOCSIN__INDEX__URL": index.url,
            **ONE_CHILD,
            **environment,
        }
        made = Deployment(home=home, kafka=kafka, elasticsearch=index, postgresql=ledger, environment=given)
        made.tocsin("ledger", "upgrade")
        with closing(Brokers(made.settings.stream)) as brokers:
            apply(brokers, TOPICS)
        made.tocsin("index", "apply")
        yield made


@dataclass
class Fleet:
    """Processes of `tocsin work`, each started again when it ends, as a service manager would."""

    deployment: Deployment
    stages: Mapping[str, int]  # stage -> how many processes
    kills: int = 0
    starts: int = 0
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)  # "stage-number" -> process
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Fleet":
        self.logs.mkdir(exist_ok=True)
        for stage, count in self.stages.items():
            for number in range(1, count + 1):
                self._start(f"{stage}-{number}")
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._keeper.join()
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + END_SECONDS
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
            kill_tree(process)

    @property
    def logs(self) -> Path:
        """Where each process says what it does, a file each."""
        return self.deployment.home / "said"

    @property
    def names(self) -> list[str]:
        """The processes by name, such as "extract-2"."""
        return sorted(self._running)

    def kill(self, name: str) -> None:
        """kill -9 of one process with all that it started; it is started again after a moment."""
        with self._lock:
            kill_tree(self._running[name])
            self.kills += 1

    def kill_one(self, chance: random.Random) -> str:
        """The same for one by chance; gives its name."""
        name = chance.choice(self.names)
        self.kill(name)
        return name

    def said(self, name: str) -> str:
        """What a process said, over all its lives."""
        return (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _start(self, name: str) -> None:
        stage = name.rpartition("-")[0]
        with (self.logs / f"{name}.log").open("ab") as file:
            file.write(f"--- started at {now():%H:%M:%S}\n".encode())
            file.flush()
            self._running[name] = subprocess.Popen(
                [COMMAND, "work", stage, "--allow-loopback", "--verbose"],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environ(self.deployment.home, self.deployment.environment),
                start_new_session=True,
            )
        self.starts += 1

    def _keep(self) -> None:
        while not self._over.wait(AGAIN_SECONDS):
            with self._lock:
                for name, process in self._running.items():
                    if process.poll() is not None:
                        self._start(name)


def each(count: int, *stages: str) -> dict[str, int]:
    """`count` processes of each of these stages, or of all."""
    return dict.fromkeys(stages or STAGES, count)
