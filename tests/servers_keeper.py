"""A server's command -> the server, which ends as soon as the input of this program ends. Run as a program of its own.

The input is a pipe from the process that wanted the server: it ends with that process, however that one ends.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: the server's own orphans become this program's children


def main() -> None:
    """Keeps one server; the only line that is printed is its process group."""
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with (folder / "out.log").open("ab") as log:
        child = subprocess.Popen(
            asked["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **asked["as"]
        )
    print(child.pid, flush=True)
    watcher = threading.Thread(target=_watch, args=(child.pid,), daemon=True)
    watcher.start()
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()  # the server and all that it leaves behind
    if over.is_set():
        if asked["removes_by"]:
            subprocess.run(asked["removes_by"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


over = threading.Event()


def _watch(group: int) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    over.set()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
