"""Nothing -> a folder and a port for one server, and who owns them."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

USER = "tocsin"
PASSWORD = "only-for-tests"  # of servers on loopback that end with their test


def new_folder() -> Path:
    """A folder for one server, which is removed with it."""
    return Path(tempfile.mkdtemp(prefix="tocsin-server-"))


def give(folder: Path) -> None:
    """Root gives the folder to `nobody`, as whom the server then runs: some refuse to run as root."""
    if os.geteuid():
        return
    nobody = pwd.getpwnam("nobody")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def owner(folder: Path) -> dict[str, object]:
    """How `subprocess` runs a program as the one who owns the folder, where only root can choose."""
    if os.geteuid():
        return {}
    return {"user": folder.stat().st_uid, "group": folder.stat().st_gid, "extra_groups": []}


def prepare(folder: Path, command: Sequence[str], **how: object) -> None:
    """Runs a program that a server needs before its first start; one that fails shows what it wrote."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **how)
    if done.returncode:
        shutil.rmtree(folder)
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")


def free_port() -> int:
    """A port where nobody listens, outside the range from which outgoing connections take theirs."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
