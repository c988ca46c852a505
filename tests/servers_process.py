"""How a server is started -> the server at work, which does not outlive this process."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from servers_folder import owner

KEEPER = Path(__file__).with_name("servers_keeper.py")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What starts, asks and ends one server."""

    url: str
    folder: Path  # its configuration, data and log; removed with it
    command: Sequence[str]
    asked: Callable[[], object]  # raises until the server answers a real request
    environment: Mapping[str, str] = field(default_factory=dict)
    working: Path | None = None  # else `folder`
    user: str = ""
    password: str = ""
    certificate: Path | None = None  # of a server with TLS: what a client trusts
    ends_by: signal.Signals = signal.SIGTERM
    kills_by: Sequence[str] = ()  # a command; else the signal KILL to its process group
    removes_by: Sequence[str] = ()  # a command to run when all is over
    seconds: float = 300  # to start on a machine that has much else to do


class Process:
    """One server, started by a keeper (servers_keeper.py) that ends it when this process is gone."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.url, self.user, self.password = recipe.url, recipe.user, recipe.password
        self.certificate = recipe.certificate
        self._keeper: subprocess.Popen[bytes] | None = None
        self._group = 0

    def start(self) -> None:
        """Starts it where it is not running; returns when it answers."""
        if self._keeper and self._keeper.poll() is None:
            return
        self._dismiss()
        recipe = self.recipe
        asked = {"command": list(recipe.command), "folder": str(recipe.folder), "removes_by": list(recipe.removes_by)}
        asked["as"] = owner(recipe.folder)  # of a container's folder: who runs this
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=recipe.working or recipe.folder,
            env={**os.environ, **recipe.environment},
            start_new_session=True,  # Ctrl-C is for pytest, which then ends its servers
        )
        self._group = int(self._keeper.stdout.readline())
        self._wait()

    def stop(self) -> None:
        """Ends it in its own orderly way; the data stay."""
        self._signal(self.recipe.ends_by)

    def kill(self) -> None:
        """Ends it as a power cut would; the data stay as they are."""
        if self._keeper and self.recipe.kills_by:
            subprocess.run(self.recipe.kills_by, check=True, capture_output=True)
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Ends it and removes its folder."""
        self._dismiss()
        if self.recipe.folder.exists():
            if self.recipe.removes_by:
                subprocess.run(self.recipe.removes_by, capture_output=True)
            shutil.rmtree(self.recipe.folder)

    def _signal(self, number: signal.Signals) -> None:
        if not self._keeper:
            return
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self._group, number)
        self._keeper.wait(120)
        self._dismiss()

    def _dismiss(self) -> None:
        """Ends the keeper; one whose server still runs ends it, and removes the folder, when its input ends."""
        if self._keeper:
            self._keeper.stdin.close()
            self._keeper.wait(120)
            self._keeper.stdout.close()
            self._keeper = None

    def _wait(self) -> None:
        until, last = time.monotonic() + self.recipe.seconds, "it ended"
        while self._keeper.poll() is None and time.monotonic() < until:
            try:
                self.recipe.asked()
            except Exception as error:  # noqa: BLE001 - each client has its own for "not yet"; it is shown at the end
                last = f"{type(error).__name__}: {error}"
                time.sleep(0.3)
            else:
                return
        log = (self.recipe.folder / "out.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        self.close()
        raise RuntimeError(f"{self.recipe.command[0]} did not start ({last}); the end of its log:\n{log}")
