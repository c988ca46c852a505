"""Jobs for the tests of the pool of children; each takes one item."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ingest.verdict import Reject

calls = 0


@dataclass(frozen=True)
class Note:
    text: str


class Trap:
    def __reduce__(self):
        return os.system, ("true",)


def do(order):
    """Does what the order says: (what, value)."""
    global calls
    calls += 1
    what, value = order
    return ACTIONS[what](value)


def refuse(reason):
    raise Reject(reason)


def swallow(_mebibytes):
    kept = []
    while True:
        kept.append(bytearray(16 * 1024 * 1024))


def spin(_value):
    while True:
        pass


def connect(port):
    socket.create_connection(("127.0.0.1", port), timeout=1)


def exit_if_worn(_value):
    if calls > 1:
        os._exit(1)
    return "fresh"


def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def log_in(path):
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")


ACTIONS = {
    "echo": lambda value: value,
    "note": Note,
    "pid": lambda _: os.getpid(),
    "calls": lambda _: calls,
    "print": print,
    "raise": lambda value: [][value],
    "refuse": refuse,
    "exit": os._exit,
    "exit_if_worn": exit_if_worn,
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda _: os.kill(os.getpid(), signal.SIGSEGV),
    "swallow": swallow,
    "spin": spin,
    "sleep": time.sleep,
    "burn": burn,
    "trap": lambda _: Trap(),
    "unpicklable": lambda _: lambda: None,
    "big": bytes,
    "connect": connect,
    "start": lambda _: subprocess.run(["true"], check=True),
    "log": log_in,
}
