"""The route over Kafka, PostgreSQL and Elasticsearch -> its rate against one folder's, its delay, a burst and its end.

    python tests/bench/servers.py

`tocsin run` reads the same pages as in tests/bench/route.py, in a folder and over servers on the same cores in turn:
one worker of each stage in both. Then articles of the bundled newsroom, each with a name of its own, are put on
[articles]: 2,000 at once; for two minutes at half the rate at which those went through, where the delay of an alert
event is from the article's arrival to the event; and 20,000 at once. The same 63 texts come again and again, so stories
grow to hundreds of tellings, which real ones seldom do.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "search"))

from fleet_kit import Fleet, each
from route import WATCHES, serving, watched
from route_kit import COMMAND, environ, tocsin
from servers_route_kit import ONE_CHILD, Deployment, deployment, tenant

from flows.demo.stock import stock
from flows.opening import open_stream
from flows.route import READERS
from ingest import wire
from ingest.article import Article
from ingest.clock import from_ms, now
from ingest.entry import Origin
from ingest.identity import digest
from ingest.ledger.tables.alerts import alert_events

BURST = int(os.environ.get("TOCSIN_BENCH_BURST", "20000"))
WARMING = 3  # runs that do not count: servers compile their own code, 8.9, 5.4 and 2.5 s of Elasticsearch's in turn
ROUNDS = 3
WARM_BURST = 2_000  # tells the rate of which half is half load
HALF_LOAD_SECONDS = 120.0
LOOK_SECONDS = 5.0
STAGES = ("enrich", "stories", "index", "watch", "deliver")
SENT_AT_ONCE = 500


def main() -> None:
    """Prints the table."""
    rates()
    with TemporaryDirectory() as folder, deployment(Path(folder) / "home") as made:
        made.tocsin("watch", "add", str(WATCHES))
        with Fleet(made, each(1, *STAGES)):
            rate = burst(made, "first", WARM_BURST)
            half_load(made, rate / 2)
            burst(made, "burst", BURST)


def rates() -> None:
    """Articles a second of the pages of all feeds, twice each, beyond a few: embedded and over servers, in turn."""
    with serving() as (source, feeds), serving() as (_, twins):
        few, every = sorted(feeds)[: max(1, len(feeds) // 5)], sorted({*feeds, *twins})
        for _ in range(WARMING):
            read("servers", every)
        found: dict[str, list[float]] = {"embedded": [], "servers": []}
        for _ in range(ROUNDS):
            for kind, rates in found.items():
                few_read, few_seconds = read(kind, few)
                all_read, all_seconds = read(kind, every)
                rates.append((all_read - few_read) / (all_seconds - few_seconds))
                print(f"{kind}: {rates[-1]:.1f} articles/s of {source}", flush=True)
    ratio = median(found["servers"]) / median(found["embedded"])
    print(f"over servers {ratio:.2f} of embedded, one worker a stage, the servers on the same cores", flush=True)


def read(kind: str, feeds: list[str]) -> tuple[int, float]:
    """Articles and seconds of one run of the command."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        listed = Path(folder) / "feeds.toml"
        listed.write_text("".join(f'[[feed]]\nurl = "{feed}"\n' for feed in feeds))
        if kind == "embedded":
            return run(home, listed, ONE_CHILD)
        with tenant(home) as made:
            return run(home, listed, made.environment)


def run(home: Path, listed: Path, environment: Mapping[str, str]) -> tuple[int, float]:
    arguments = ("--home", str(home), "--allow-loopback", "--until-idle")
    settled = environ(home, environment)
    os.environ.update(settled)  # what is watched inherits it
    try:
        watched([COMMAND, "run", *arguments], sorted(os.sched_getaffinity(0)))  # compiles packs, makes what is missing
        began = time.monotonic()
        watched(
            [COMMAND, "run", *arguments, "--feeds", str(listed), "--watches", str(WATCHES)],
            sorted(os.sched_getaffinity(0)),
        )
        seconds = time.monotonic() - began
    finally:
        for name in environment:
            os.environ.pop(name, None)
    rows = tocsin("find", "*", "--limit", "1000000", "--json", home=home, **environment).splitlines()
    return len(rows), seconds


def burst(made: Deployment, name: str, count: int) -> float:
    """Puts articles on [articles] and prints what waits where until nothing does; gives articles a second."""
    began = time.monotonic()
    send(made, islice(articles(name), count))
    print(f"{count} articles put on the stream in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    while waiting := {name: count for name, count in lags(made).items() if count}:
        said = ", ".join(f"{name} {count}" for name, count in waiting.items())
        print(f"  after {time.monotonic() - began:4.0f} s wait for {said}", flush=True)
        time.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - began
    print(f"they were through after {seconds:.0f} s: {count / seconds:.0f} articles/s", flush=True)
    return count / seconds


def half_load(made: Deployment, rate: float) -> None:
    """Sends at a steady rate and prints how long alert events took."""
    since, few = now(), articles("steady")
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < HALF_LOAD_SECONDS:
        due = int(passed * rate) - sent
        if due > 0:
            send(made, islice(few, due))
            sent += due
        time.sleep(0.1)
    while any(lags(made).values()):
        time.sleep(LOOK_SECONDS)
    rows = alert_events.c
    with made.ledger() as ledger, ledger.read() as connection:
        found = connection.execute(select(rows.body, rows.at).where(rows.at >= round(since.timestamp() * 1000))).all()
    delays = []
    for body, at in found:
        telling = json.loads(body).get("telling")
        if telling:
            delays.append((from_ms(at) - datetime.fromisoformat(telling["seen"])).total_seconds())
    cuts = quantiles(delays, n=100)
    said = f"{len(delays)} alert events, p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s"
    print(f"{sent} articles at {rate:.0f}/s: {said}", flush=True)


def articles(name: str) -> Iterator[Article]:
    """The bundled newsroom's texts again and again, each time as another article that has arrived now."""
    for number, told in enumerate(cycle(stock())):
        yield Article(
            id=digest(name, str(number)),
            revision=1,
            url=f"https://{name}.example/{number}",
            feed="bench",
            source=told.outlet.name,
            title=told.title,
            text=told.text,
            language=told.outlet.language,
            path="given",
            origin=Origin.LIVE,
            seen=now(),
        )


def send(made: Deployment, few: Iterator[Article]) -> None:
    settings = replace(made.settings, stream=replace(made.settings.stream, wait_seconds=5.0))
    with made.ledger() as ledger, closing(open_stream(settings, ledger)) as stream:
        while batch := list(islice(few, SENT_AT_ONCE)):
            stream.send("articles", [(article.key, wire.encode(article)) for article in batch])


def lags(made: Deployment) -> dict[str, int]:
    with made.ledger() as ledger, closing(open_stream(made.settings, ledger)) as stream:
        return {arrow.stage: stream.lag(arrow.stage, arrow.reads) for arrow in READERS}


if __name__ == "__main__":
    main()
