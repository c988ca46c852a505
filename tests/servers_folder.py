"""Nothing -> a folder and a port for one server, and who owns them."""

import os
import pwd
import random
import socket
import tempfile
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


def free_port() -> int:
    """A port where nobody listens, outside the range from which outgoing connections take theirs."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
