"""Pages on loopback -> articles a second of the whole route on one core and on two, its CPU, memory and delay.

    python tests/bench/route.py

`tocsin run` reads the shared newsroom's pages where it is present, else the bundled one's. Plain trafilatura reads the
same pages in the same run, for machines differ and ratios less so. The delay is taken on the bundled newsroom.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import trafilatura

from flows.demo import newsroom
from flows.demo.newsroom import Newsroom
from ingest.clock import now

TOCSIN = str(Path(sys.executable).with_name("tocsin"))
SERVER = Path(__file__).parents[2].parent / "shared" / "newsroom" / "serve.py"
WATCHES = Path(newsroom.__file__).with_name("watches.toml")
LOOK_SECONDS = 0.25
POLL_SECONDS = 2.0
SPEED = 6.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One run of the command over all pages."""

    cores: int
    articles: int
    seconds: float  # without what a run over nothing takes
    cpu: dict[str, float]  # seconds by whose they were
    memory_mib: float  # PSS of the whole tree, the most

    @property
    def rate(self) -> float:
        return self.articles / self.seconds


@dataclass
class Seen:
    """What was seen of a running tree of processes."""

    memory: int = 0
    parent_cpu: float = 0.0
    total_cpu: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Measure:
    source: str
    pages: int
    plain_rate: float  # pages a second of trafilatura on one core
    runs: list[Ran] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)  # seconds


def measure() -> Measure:
    """Everything: plain trafilatura, the route on one core and on all up to two, and the delay of alerts."""
    with serving() as (source, feeds, links):
        bodies = [fetched(link) for link in links]
        plain = plain_rate(bodies)
        cores = sorted(os.sched_getaffinity(0))
        runs = [route(feeds, cores[:count]) for count in (1, 2) if count <= len(cores)]
    return Measure(source=source, pages=len(links), plain_rate=plain, runs=runs, delays=delays())


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, str, list[str]]]:
    """A newsroom with everything published: its name, its list of feeds, its pages."""
    if SERVER.exists():
        command = [sys.executable, str(SERVER), "--port", "0", "--sets", "pages,crisis"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                feeds = server.stdout.readline().rsplit(" ", 1)[-1].strip()
                lines = fetched(feeds.replace("feeds.opml", "items")).decode().splitlines()
                yield "pages of the shared newsroom", feeds, [json.loads(line)["link"] for line in lines]
            finally:
                server.kill()
        return
    room = Newsroom(opened=now() - timedelta(hours=1))
    room.start()
    try:
        yield "pages of the bundled newsroom", room.feeds_url, [item.link for item in room.published()]
    finally:
        room.stop()


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def plain_rate(bodies: Sequence[bytes]) -> float:
    """Pages a second of processor time, of plain trafilatura with metadata."""
    for body in bodies[:5]:
        trafilatura.bare_extraction(body, with_metadata=True, include_comments=False)
    began = time.process_time()
    for body in bodies:
        trafilatura.bare_extraction(body, with_metadata=True, include_comments=False)
    return len(bodies) / (time.process_time() - began)


def route(feeds: str, cores: Sequence[int]) -> Ran:
    """The command over all pages, kept to these cores."""
    with TemporaryDirectory() as folder:
        watched(command(folder), cores)  # compiles the packs, where that has not been done
        nothing = watched(command(folder), cores)
        seen = watched(command(folder, "--feeds", feeds, "--watches", str(WATCHES)), cores)
        rows = subprocess.run(
            [TOCSIN, "find", "*", "--home", folder, "--limit", "1000000", "--json"], capture_output=True, check=True
        ).stdout.splitlines()
        log = (Path(folder) / "tocsin.log").read_text().rsplit("children ended", 1)[1]
    jobs = {name: float(spent) for name, spent in re.findall(r"seconds_(\S+)=([\d.]+)", log)}
    rest = seen.total_cpu - seen.parent_cpu - sum(jobs.values())
    return Ran(
        cores=len(cores),
        articles=len(rows),
        seconds=seen.seconds - nothing.seconds,
        cpu={**jobs, "parent": seen.parent_cpu, "children, starting": rest},
        memory_mib=seen.memory / 2**20,
    )


def command(folder: str, *more: str) -> list[str]:
    return [TOCSIN, "run", "--home", folder, "--allow-loopback", "--until-idle", *more]


def watched(arguments: Sequence[str], cores: Sequence[int]) -> Seen:
    """Runs a command on these cores to its end, looking at its tree of processes all the while."""
    all_cores = os.sched_getaffinity(0)
    began, seen = time.monotonic(), Seen()
    os.sched_setaffinity(0, cores)  # what is started from here on inherits it
    try:
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finally:
        os.sched_setaffinity(0, all_cores)
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        seen.memory = max(seen.memory, sum(map(pss, tree(process.pid))))
        seen.parent_cpu = cpu(process.pid) or seen.parent_cpu
        time.sleep(LOOK_SECONDS)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    seen.seconds = time.monotonic() - began
    seen.total_cpu = usage.ru_utime + usage.ru_stime  # of the process and of all that it waited for
    return seen


def tree(root: int) -> list[int]:
    """The process and all that it started, wherever they stand."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found.extend(parents.get(pid, ()))
    return found


def pss(pid: int) -> int:
    """Bytes of memory, what is shared counted in parts."""
    with contextlib.suppress(OSError, AttributeError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) * 1024
    return 0


def cpu(pid: int) -> float:
    """Seconds of processor time of the process itself."""
    with contextlib.suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def delays() -> list[float]:
    """Seconds from the moment an article stands in its feed to the event that puts it into an alert, by telling."""
    with TemporaryDirectory() as folder:
        often = f"first_interval_seconds = {POLL_SECONDS}\nshortest_interval_seconds = {POLL_SECONDS}\n"
        often += f"longest_interval_seconds = {POLL_SECONDS}\nloopback_shortest_seconds = {POLL_SECONDS}\n"
        (Path(folder) / "tocsin.toml").write_text(f"[feeds]\n{often}")
        room = Newsroom(opened=now() + timedelta(seconds=8), speed=SPEED)  # by then the command listens
        room.start()
        arguments = [TOCSIN, "run", "--home", folder, "--allow-loopback", "--port", "0"]
        process = subprocess.Popen(
            [*arguments, "--feeds", room.feeds_url, "--watches", str(WATCHES)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(8 + room.seconds_left + 4 * POLL_SECONDS)
        finally:
            process.terminate()
            process.wait(30)
        room.stop()
        said = subprocess.run(
            [TOCSIN, "alerts", "--home", folder, "--limit", "100000", "--json"], capture_output=True, check=True
        ).stdout
    appeared = {
        item.link: room.opened + timedelta(seconds=item.article.at / SPEED)
        for item in room.published()
        if item.article.edited_at is None
    }
    found: dict[tuple[str, str], float] = {}
    for alert in map(json.loads, said.splitlines()):
        for event in alert["events"]:
            url = (event.get("telling") or {}).get("url")
            if url in appeared:
                delay = (datetime.fromisoformat(event["at"]) - appeared[url]).total_seconds()
                found.setdefault((alert["id"], url), delay)
    return sorted(found.values())


def table(found: Measure) -> str:
    lines = [
        f"{found.pages} {found.source}; plain trafilatura reads {found.plain_rate:.1f} of them a second on one core"
    ]
    for ran in found.runs:
        total = sum(ran.cpu.values())
        shares = ", ".join(
            f"{name} {spent / total:.0%}" for name, spent in sorted(ran.cpu.items(), key=lambda pair: -pair[1])
        )
        cores = "1 core" if ran.cores == 1 else f"{ran.cores} cores"
        lines += [
            f"{cores}: {ran.rate:.1f} articles/s ({ran.articles} in {ran.seconds:.1f} s), "
            f"{ran.rate / found.plain_rate:.2f} of plain trafilatura on one core; {ran.memory_mib:.0f} MiB at most",
            f"   {total:.1f} s of processor time: {shares}",
        ]
    if len(found.delays) > 1:
        lines.append(
            f"from the feed to the alert, polled every {POLL_SECONDS:g} s: median {median(found.delays):.1f} s,"
            f" p95 {quantiles(found.delays, n=20)[18]:.1f} s ({len(found.delays)} tellings)"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("the route is measured on Linux only: elsewhere a process cannot be kept to one core")
    print(table(measure()))
