"""Workers killed and servers restarted while news come in and alerts ring: nothing lost, nothing rung twice."""

import json
import random
import time
import urllib.request
from datetime import UTC, datetime

import pytest
from fleet_kit import Fleet, each
from hook_kit import SETTINGS, delivery_ids, receiver, rings, watched
from route_kit import SHARED, bundled_newsroom, objects, shared_newsroom
from servers_route_kit import deployment
from sqlalchemy import func, select

from flows.demo.stock import stock
from ingest.clock import now, to_ms
from ingest.ledger.tables import feeds as feed_tables

pytestmark = pytest.mark.servers

SOON = {  # what a killed process had in its hands is taken over sooner
    "TOCSIN__DELIVER__CLAIM_SECONDS": "25",
    "TOCSIN__PAGES__QUEUE__LEASE_SECONDS": "30",
}
SELDOM = {  # polled less often: the shared newsroom's feeds show all that they ever showed
    f"TOCSIN__FEEDS__{name}_SECONDS": "8"
    for name in ("FIRST_INTERVAL", "SHORTEST_INTERVAL", "LONGEST_INTERVAL", "LOOPBACK_SHORTEST")
}
SHORT = ("kill", "kill", "kafka", "kill", "postgresql", "kill", "kill")
LONG = ("kill",) * 20 + ("kafka",) * 3 + ("elasticsearch",) * 2 + ("postgresql",) * 2
AWAY_SECONDS = {"kafka": (1, 5), "postgresql": (1, 5), "elasticsearch": (60, 60)}


def make_trouble(kind, made, fleet, chance):
    """A kill, or a server that is stopped and started; gives it in words."""
    if kind == "kill":
        return f"killed {fleet.kill_one(chance)}"
    server, seconds = getattr(made, kind), chance.uniform(*AWAY_SECONDS[kind])
    server.stop()
    time.sleep(seconds)
    server.start()
    return f"{kind} was away for {seconds:.0f} s"


def over(standing):
    """Whether nothing is left to do; pages behind live alerts are looked at again much later."""
    return standing.soon == 0 and standing.deliveries_later == 0


def assert_all_rang(made, received):
    """Every ring was sent under one id, none for a story that had one, and the doctor finds nothing wrong.

    Kills change the order in which articles arrive, and in another order one event may be grouped as two stories, each
    with an alert of its own: that was seen once in five runs. With the order fixed (test_servers_same) it is one.
    """
    rung, ids = made.alerts(), delivery_ids(received)
    stories = [alert["story"] for alert in rung if alert["watch"] == "release-for-relief"]
    assert stories
    assert len(set(stories)) == len(stories)
    assert rings(rung) <= set(ids), "a ring was never sent"
    assert all(len(names) == 1 for names in ids.values())
    doctor = made.doctor()
    assert "exit code 0" in doctor, doctor
    assert "✗" not in doctor


def paths(made, base):
    return {row["url"].removeprefix(base) for row in made.found() if row["url"].startswith(base)}


@pytest.mark.timeout(1500)
def test_workers_are_killed_and_servers_restarted_and_no_link_and_no_ring_is_lost(tmp_path):
    chance = random.Random(11)
    with (
        receiver() as (port, received),
        deployment(tmp_path / "home", settings=SETTINGS.format(port=port), **SOON) as made,
        bundled_newsroom(speed=1.5) as demo,
    ):
        made.tocsin("watch", "add", str(watched(tmp_path)))
        made.tocsin("feeds", "add", demo.feeds_url, "--allow-loopback")
        with Fleet(made, each(2)) as fleet:
            for kind in SHORT:
                time.sleep(chance.uniform(5, 12))
                print(make_trouble(kind, made, fleet, chance), flush=True)
            time.sleep(demo.seconds_left + 5)
            made.wait(over, seconds=600)
        assert paths(made, demo.base) == {article.path for article in stock()}
        assert_all_rang(made, received)


@pytest.mark.prove
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not (SHARED / "newsroom" / "serve.py").exists(), reason="the shared newsroom is absent")
def test_the_whole_newsroom_is_read_while_all_are_killed_and_all_servers_fail(tmp_path):
    chance = random.Random(21)
    troubles = chance.sample(LONG, len(LONG))
    with (
        receiver() as (port, received),
        deployment(tmp_path / "home", settings=SETTINGS.format(port=port), **SOON, **SELDOM) as made,
        shared_newsroom("--per-minute", "350") as feeds,
        bundled_newsroom(speed=0.2) as demo,
    ):
        made.tocsin("watch", "add", str(watched(tmp_path)))
        made.tocsin("feeds", "add", demo.feeds_url, "--allow-loopback")
        made.tocsin("feeds", "add", feeds, "--allow-loopback")
        with Fleet(made, each(2)) as fleet:
            for number, kind in enumerate(troubles, 1):
                time.sleep(chance.uniform(5, 35))
                said = make_trouble(kind, made, fleet, chance)
                show(number, said, fleet, made.left())
            await_all(made, feeds, demo)
            made.wait(over, lambda left: show(len(troubles), "", fleet, left), seconds=5000)
        links = {row["link"] for row in items(feeds)}
        print(json.dumps({"items": len(links), "kills": fleet.kills, "starts": fleet.starts}), flush=True)
        accounted = made.accounted()
        assert links - accounted == set()
        assert {demo.base + article.path for article in stock()} - accounted == set()
        assert_all_rang(made, received)


def await_all(made, feeds, demo):
    """Until nothing more is published and every feed was polled since: a killed poller holds its feeds for a while."""
    before = -1
    while (published := len(items(feeds))) > before or demo.seconds_left:
        before = published
        time.sleep(30)
    rows, since = feed_tables.feeds.c, to_ms(now())
    until = time.monotonic() + 900
    while True:
        with made.ledger() as ledger, ledger.read() as connection:
            stale = func.coalesce(rows.last_success, 0) < since
            left = connection.execute(select(func.count()).where(stale, rows.removed.is_(None))).scalar_one()
        if not left:
            return
        assert time.monotonic() < until, f"{left} feeds are not polled any more"
        time.sleep(5)


def items(feeds):
    with urllib.request.urlopen(feeds.replace("feeds.opml", "items"), timeout=30) as answer:
        return objects(answer.read().decode())


def show(number, said, fleet, left):
    """A line on how far it is."""
    waits = f"{left.records}, {left.pages.in_flight} pages, {left.deliveries_soon} deliveries" if left else "away"
    when = f"{datetime.now(UTC):%H:%M:%S}"
    print(f"{when} trouble {number}, {fleet.kills} kills, {fleet.starts} starts: {said}; left {waits}", flush=True)
