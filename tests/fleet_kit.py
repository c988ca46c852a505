"""Stages and counts -> processes of `tocsin work` as an operator runs them, which tests kill."""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from route_kit import COMMAND, environ, kill_tree
from servers_route_kit import Deployment

from flows.route import ROUTE
from ingest.clock import now

STAGES = tuple(arrow.stage for arrow in ROUTE)
AGAIN_SECONDS = 1.0  # until a process that ended is started again, as by a service manager
END_SECONDS = 60.0  # for a process to end in its own way


@dataclass
class Fleet:
    """Processes of `tocsin work`."""

    deployment: Deployment
    stages: Mapping[str, int]  # stage -> how many processes
    again: bool = True  # each is started again when it ends, as a service manager would
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

    def name_of(self, pid: int) -> str:
        """The process with that id, "" where it is none of these."""
        return next((name for name, process in self._running.items() if process.pid == pid), "")

    def kill(self, name: str) -> None:
        """kill -9 of one process with all that it started."""
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
        while self.again and not self._over.wait(AGAIN_SECONDS):
            with self._lock:
                for name, process in self._running.items():
                    if process.poll() is not None:
                        self._start(name)


def each(count: int, *stages: str) -> dict[str, int]:
    """`count` processes of each of these stages, or of all."""
    return dict.fromkeys(stages or STAGES, count)
