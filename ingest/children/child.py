"""The process that works on items: limited, without a network, ending with its parent. Runs in the child only."""

import contextlib
import ctypes
import importlib
import math
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from ingest.children.frames import OUT_OF_MEMORY, pack, read_frame
from ingest.children.settings import ChildrenSettings
from ingest.verdict import Reject

REASON_LENGTH = 300
DETAIL_LENGTH = 8_000
Job = Callable[[Any], object]

_DIE_WITH_PARENT, _NAME = 1, 15  # of prctl(2)
_CLOSED = frozenset(
    f"{module}.{call}"
    for module, calls in {
        "socket": ("connect", "bind", "sendto", "sendmsg", "getaddrinfo", "gethostbyname"),
        "subprocess": ("Popen",),
        "os": ("system", "exec", "posix_spawn", "fork", "forkpty"),
    }.items()
    for call in calls
)


def main(parent: int, settings: ChildrenSettings) -> None:
    """Answers messages (job, "module:function", items) from standard input until it ends; one frame an item."""
    incoming, outgoing = _private_pipes()
    _end_with(parent)
    os.nice(settings.nice)
    _limit_memory(settings.memory_bytes)
    _allow_processor(settings.start_seconds)
    sys.addaudithook(_refuse)
    jobs: dict[str, Job] = {}
    try:
        _send(outgoing, ("ready",))
        os.dup2(0, 2)  # until here the parent would show an error; libraries may print the words of strangers
        while True:
            job, target, items = cast("tuple[str, str, list[object]]", read_frame(incoming))
            if job not in jobs:
                _allow_processor(settings.start_seconds)
                _send(outgoing, _load(jobs, job, target))
                if job not in jobs:
                    continue
            for item in items:
                _allow_processor(settings.cpu_seconds)
                outgoing.write(_answer(jobs[job], item, settings.answer_bytes))
                outgoing.flush()
    except (EOFError, BrokenPipeError):
        return
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _load(jobs: dict[str, Job], job: str, target: str) -> tuple[object, ...]:
    started = time.process_time()
    module, _, function = target.partition(":")
    try:
        jobs[job] = getattr(importlib.import_module(module), function)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - whatever keeps a job from being imported is told to the parent
        return ("broken", _one_line(error), _detail())
    return ("loaded", time.process_time() - started)


def _answer(job: Job, item: object, limit: int) -> bytes:
    """The frame that answers one item."""
    started = time.process_time()
    try:
        value = job(item)
        frame = pack(("done", value, time.process_time() - started))
        if len(frame) > limit:
            raise ValueError(f"the answer has {len(frame):,} bytes; {limit:,} are allowed (children.answer_bytes)")
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # what is left of this process cannot be trusted
    except Exception as error:  # noqa: BLE001 - the boundary: the item is answered with what it raised
        return pack(("failed", _one_line(error), _detail(), time.process_time() - started))
    return frame


def _one_line(error: Exception) -> str:
    text = _storable(str(error))
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    named = first if isinstance(error, Reject) else f"{type(error).__name__}: {first}"
    return named[:REASON_LENGTH]


def _detail() -> str:
    return _storable(traceback.format_exc())[-DETAIL_LENGTH:]


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _send(outgoing: BinaryIO, message: tuple[object, ...]) -> None:
    outgoing.write(pack(message))
    outgoing.flush()


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, out of reach of libraries that print or read."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return incoming, outgoing


def _end_with(parent: int) -> None:
    """Ends this process when its parent ends, however that happens; nobody else asks it to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # a service manager asks all processes at once: the parent then finishes what its children work on
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # other systems: it ends when it next reads
        prctl = ctypes.CDLL(None).prctl
        prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        prctl(_NAME, b"tocsin-child", 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)  # it ended before we asked


def _limit_memory(above: int) -> None:
    """Limits the address space to `above` bytes more than what is mapped now; a crash leaves no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        mapped = 512 * 1024 * 1024
    with contextlib.suppress(ValueError, OSError):  # not on every system
        resource.setrlimit(resource.RLIMIT_AS, (mapped + above, mapped + above))


def _allow_processor(seconds: float) -> None:
    """Allows `seconds` more of processor time: the limit counts the whole life of a process."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), most))


def _refuse(event: str, _details: object) -> None:
    if event in _CLOSED:
        raise PermissionError(f"a child has no network and starts no process ({event})")
