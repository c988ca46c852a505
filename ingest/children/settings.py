"""How many children there are, and what one item may cost."""

import os
from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildrenSettings:
    """Limits of the child processes. A child that goes over one of them is killed."""

    count: int = 0  # processes; 0: one a core, at least two and at most eight
    message_items: int = 8  # most items sent to a child at once
    memory_bytes: int = 1024 * MIB  # address space above what the interpreter takes at start
    cpu_seconds: int = 10  # of processor time, an item
    wall_seconds: float = 15.0  # without an answer, an item
    start_seconds: float = 60.0  # to start, and to import what a job needs
    recycle_items: int = 2_000  # after so many a child is replaced, should its libraries leak
    answer_bytes: int = 64 * MIB  # largest answer to one item
    nice: int = 5  # children step back behind the process that fetches and serves

    def __post_init__(self) -> None:
        if self.count < 0 or self.nice < 0:
            raise ValueError("count and nice must not be negative")
        if min(self.message_items, self.cpu_seconds, self.recycle_items) < 1:
            raise ValueError("message_items, cpu_seconds and recycle_items must be at least 1")
        if min(self.wall_seconds, self.start_seconds) <= 0:
            raise ValueError("wall_seconds and start_seconds must be above 0")
        if min(self.memory_bytes, self.answer_bytes) < MIB:
            raise ValueError("memory_bytes and answer_bytes must be at least 1048576")


def child_count(settings: ChildrenSettings) -> int:
    """How many children to keep; cores that this process may not use do not count."""
    if settings.count:
        return settings.count
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(max(cores, 2), 8)
