"""Pages on loopback -> articles a second of the whole route on one core and on two, its CPU, memory and delay.

    python tests/bench/route.py

`tocsin run` reads the shared newsroom's real pages where it is present, else the bundled one's. The rate is that of
the pages that one run has beyond another, so that starting and importing are left out. "Cold" are those of all
feeds beyond a few: most are the first of their language. "Warm" are all pages once more, from a second address,
beside the first: the stories stage sees copies, and each word was read before. A long-running process lies between
the two. Plain trafilatura reads the same pages in the same run, for machines differ and ratios less so. The delay
is taken on the bundled newsroom.
"""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

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
    """The command over the pages that some feeds have beyond others."""

    name: str  # cold | warm
    cores: int
    articles: int
    seconds: float
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
    delays: list[tuple[float, float]] = field(default_factory=list)  # seconds, see `delays`


def measure() -> Measure:
    """Everything: plain trafilatura, the route on one core and on all up to two, and the delay of alerts."""
    with serving() as (source, feeds), serving() as (_, twins):
        few, every, both = set(sorted(feeds)[: max(1, len(feeds) // 5)]), set(feeds), {*feeds, *twins}
        bodies = [fetched(link) for links in feeds.values() for link in links]
        cores = sorted(os.sched_getaffinity(0))
        plain, runs = [plain_rate(bodies)], []
        for count in (1, 2):
            if count <= len(cores):
                runs.append(route("cold", few, every, cores[:count]))
                runs.append(route("warm", every, both, cores[:count]))
                plain.append(plain_rate(bodies))
    return Measure(source=source, pages=len(bodies), plain_rate=median(plain), runs=runs, delays=delays())


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """A newsroom with everything published: its name, and the pages of each feed by its address."""
    if SERVER.exists():
        command = [sys.executable, str(SERVER), "--port", "0", "--sets", "pages"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                feeds = server.stdout.readline().rsplit(" ", 1)[-1].strip()
                found: dict[str, list[str]] = {}
                for item in map(json.loads, fetched(feeds.replace("feeds.opml", "items")).decode().splitlines()):
                    feed = feeds.replace("feeds.opml", f"feed/{item['feed']}.xml")
                    found.setdefault(feed, []).append(item["link"])
                yield "real pages of the shared newsroom", found
            finally:
                server.kill()
        return
    room = Newsroom(opened=now() - timedelta(hours=1))
    room.start()
    try:
        bundled: dict[str, list[str]] = {}
        for item in room.published():
            bundled.setdefault(f"{room.base}/{item.article.outlet.id}/feed.xml", []).append(item.link)
        yield "pages of the bundled newsroom", bundled
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


def route(name: str, few: set[str], feeds: set[str], cores: Sequence[int]) -> Ran:
    """The command over few feeds, then over more, kept to these cores; what lies between is told."""
    read_few, cpu_few, seconds_few, _ = read_all(few, cores)
    read, spent, seconds, memory = read_all(feeds, cores)
    return Ran(
        name=name,
        cores=len(cores),
        articles=read - read_few,
        seconds=seconds - seconds_few,
        cpu={name: max(0.0, spent[name] - cpu_few.get(name, 0.0)) for name in spent},
        memory_mib=memory / 2**20,
    )


def read_all(feeds: set[str], cores: Sequence[int]) -> tuple[int, dict[str, float], float, int]:
    """Articles, processor time by whose it was, seconds, and the most memory of a run over `feeds`."""
    with TemporaryDirectory() as folder:
        watched(command(folder), cores)  # compiles the packs, where that has not been done
        listed = Path(folder) / "feeds.toml"
        listed.write_text("".join(f'[[feed]]\nurl = "{feed}"\n' for feed in sorted(feeds)))
        seen = watched(command(folder, "--feeds", str(listed), "--watches", str(WATCHES)), cores)
        rows = subprocess.run(
            [TOCSIN, "find", "*", "--home", folder, "--limit", "1000000", "--json"], capture_output=True, check=True
        ).stdout.splitlines()
        text = (Path(folder) / "tocsin.log").read_text().split("children ended", 1)[1]  # of the second run
        log = text.rsplit("children ended", 1)[1]
    jobs = {name: float(spent) for name, spent in re.findall(r"seconds_(\S+)=([\d.]+)", log)}
    ended = re.findall(r"stage ended stage='(\w+)' records=\d+ seconds=([\d.]+)", text)
    stages = {stage: float(spent) for stage, spent in ended if stage in ("stories", "index", "watch")}
    rest = seen.parent_cpu - sum(stages.values())
    return len(rows), {**jobs, **stages, "fetching, archive, ledger": rest}, seen.seconds, seen.memory


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


def delays() -> list[tuple[float, float]]:
    """Seconds until an open page is told of a telling: since it stood in its feed, and since the poll that saw it."""
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
            stderr=subprocess.PIPE,
            text=True,
        )
        shown: dict[int, datetime] = {}
        try:
            threading.Thread(target=follow, args=(desk_of(process), shown), daemon=True).start()
            time.sleep(8 + room.seconds_left + 4 * POLL_SECONDS)
        finally:
            process.terminate()
            process.communicate(timeout=30)
        room.stop()
        events = told(Path(folder) / "ledger.db")
    appeared = {
        item.link: room.opened + timedelta(seconds=item.article.at / SPEED)
        for item in room.published()
        if item.article.edited_at is None
    }
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for number, event in events:
        telling = event.get("telling") or {}
        if telling.get("url") in appeared and number in shown:
            polled = datetime.fromisoformat(telling["seen"])
            since = (shown[number] - appeared[telling["url"]]).total_seconds()
            found.setdefault((event["alert"], telling["url"]), (since, (shown[number] - polled).total_seconds()))
    return list(found.values())


def desk_of(process: "subprocess.Popen[str]") -> str:
    """The address of the desk page, as the command says it."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"the desk page: (\S+)", line):
            return found[1]
    raise SystemExit("the command said no address")


def follow(desk: str, shown: dict[int, datetime]) -> None:
    """Reads what an open page is sent, and notes when it is told of each alert event."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{desk}/live?after=0", timeout=300) as stream:
        for line in stream:
            if line.startswith(b"id:"):
                shown.setdefault(int(line[3:]), now())


def told(ledger: Path) -> list[tuple[int, dict[str, Any]]]:
    """The alert events with their numbers."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as reader:
        rows = reader.execute("SELECT number, body FROM alert_events ORDER BY number").fetchall()
    return [(number, json.loads(body)) for number, body in rows]


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
            f"{cores}, {ran.name}: {ran.rate:.1f} articles/s ({ran.articles} in {ran.seconds:.1f} s), "
            f"{ran.rate / found.plain_rate:.2f} of plain trafilatura on one core; {ran.memory_mib:.0f} MiB at most",
            f"   {total:.1f} s of processor time: {shares}",
        ]
    if len(found.delays) > 1:
        polled = f"from standing in the feed to the open page, polled every {POLL_SECONDS:g} s"
        for name, since in zip(
            (polled, "from the poll to the open page"), zip(*found.delays, strict=True), strict=True
        ):
            p95 = quantiles(since, n=20)[18]
            lines.append(f"{name}: median {median(since):.1f} s, p95 {p95:.1f} s ({len(since)} tellings)")
    return "\n".join(lines)


if __name__ == "__main__":
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("the route is measured on Linux only: elsewhere a process cannot be kept to one core")
    print(table(measure()))
