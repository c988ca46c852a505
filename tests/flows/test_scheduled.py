import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from flows.demo.newsroom import Newsroom
from flows.demo.stock import stock
from flows.home import Home
from flows.opening import owning
from flows.route import ROUTE
from flows.subscribing import subscribe_to
from ingest.account import account
from ingest.clock import now
from ingest.feeds.lists import ListedFeed
from ingest.feeds.subscribe import subscribe

ROOT = Path(__file__).parents[2]
KIT = ROOT / "tests" / "prefect_kit.py"
DRAINED = [arrow.stage for arrow in ROUTE if arrow.stage != "collect"]
SHOWN_SECONDS = 10


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What Prefect showed; one server on loopback for all tests, for it takes ten seconds to start."""
    folder = tmp_path_factory.mktemp("prefect")
    opened = now() - timedelta(minutes=1)
    newsroom = Newsroom(opened=opened, clock=lambda: opened + timedelta(seconds=SHOWN_SECONDS))
    newsroom.start()
    home, silent = Home(folder / "home"), Home(folder / "silent")
    with owning(home, allow_loopback=True) as parts:
        subscribe_to(parts, [newsroom.feeds_url])
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        with owning(silent) as parts:
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/feed.xml"
            subscribe(parts.ledger, [ListedFeed(url=url)], list_name="", now=now())
        given = os.environ | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(folder / "prefect")}
        words = [sys.executable, str(KIT), str(ROOT), str(home.path), str(silent.path)]
        done = subprocess.run(words, env=given, capture_output=True, text=True, timeout=220, check=False)
    newsroom.stop()
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]) | {"home": home}


def test_the_deployments_are_accepted_as_they_stand(seen):
    assert seen["deploy"][0] == 0, seen["deploy"][1]
    found = {deployment["name"]: deployment for deployment in seen["deployments"]}
    assert {name: one["entrypoint"] for name, one in found.items()} == {
        "collect": "flows.scheduled.collect:collect",
        "drain": "flows.scheduled.drain:drain",
    }
    for one in found.values():
        assert one["work_pool_name"] == "tocsin"
        assert one["pull_steps"] == []  # nothing is fetched for a run
        assert one["global_concurrency_limit"]["limit"] == 1
        assert one["job_variables"]["env"]["DO_NOT_TRACK"] == "1"
        assert one["description"]


def test_every_stage_has_its_schedule_in_the_order_of_the_route(seen):
    planned = [schedule for one in seen["deployments"] for schedule in one["schedules"]]
    planned.sort(key=lambda schedule: schedule["schedule"]["anchor_date"])
    assert [schedule["slug"] for schedule in planned] == [arrow.stage for arrow in ROUTE]
    assert [schedule["parameters"] for schedule in planned] == [{}, *({"stage": stage} for stage in DRAINED)]
    assert {schedule["schedule"]["interval"] for schedule in planned} == {300.0}


def test_parameters_read_well_and_name_the_stages_of_the_route(seen):
    told = seen["parameters"]
    assert told["stage"]["enum"] == DRAINED
    assert list(told) == ["stage", "home", "allow_loopback"]
    assert all(one["description"].endswith(".") for one in told.values())
    assert set(DRAINED) <= set(told["stage"]["description"].split())  # each is explained


def test_a_worker_polls_what_is_due_and_a_drain_reads_the_pages(seen):
    assert seen["worker"][0] == 0, seen["worker"][1]
    assert seen["by the worker"] == "Completed"
    published = [article for article in stock() if article.at <= SHOWN_SECONDS]
    polled = {row["outcome"]: row["feeds"] for row in seen["tables"][0][1]}
    assert seen["tables"][0][0] == "collect"
    assert polled["new"] == len({article.outlet.id for article in published})
    assert sum(polled.values()) == len({article.outlet.id for article in stock()})
    assert seen["extract"] == {"before": len(published), "after": 0}
    with owning(seen["home"]) as parts:
        found = account(parts.ledger)
    assert (found.seen, found.in_flight, found.lost) == (len(published), 0, 0)
    assert found.done + found.same == len(published)


def test_what_was_done_is_kept_as_a_table(seen):
    drained = seen["extract"]["before"]
    assert seen["tables"][1] == [
        "drain-extract", [{"stage": "extract", "waited": drained, "left": 0}], f"{drained} of {drained} done.",
    ]  # fmt: skip
    name, rows, said = seen["tables"][2]
    assert (name, said) == ("collect", f"{sum(row['feeds'] for row in rows)} feeds were due and polled.")
    assert {row["outcome"] for row in rows} <= {"not-modified", "no-entries"}


def test_a_folder_in_use_is_tried_again_and_then_says_who_has_it_and_what_to_do(seen):
    name, said = seen["in use"]
    assert name == "Failed"
    assert f"the folder {seen['home'].path} is in use by process " in said
    assert "end that one, or give another folder" in said
    assert ["poll", "Failed", 2] in seen["task runs"]


def test_a_folder_that_becomes_free_is_worked_on(seen):
    assert seen["freed"] == "Completed"
    assert any(name == "poll" and state == "Completed" and runs > 1 for name, state, runs in seen["task runs"])


def test_a_round_that_takes_too_long_ends_and_lets_the_folder_go(seen):
    name, seconds, free = seen["silent"]
    assert name == "TimedOut"
    assert 2 <= seconds < 10  # the server would have been waited for ten seconds and more
    assert free


def test_another_stage_is_refused_before_anything_runs(seen):
    assert (
        "stage: Input should be 'extract', 'enrich', 'stories', 'index', 'watch' or 'deliver'" in seen["no such stage"]
    )
    assert not [one for one in seen["task runs"] if one[0] == "drain nonsense"]


def test_prefect_is_not_imported_by_what_does_not_use_it():
    said = "import sys, flows.command, flows.commands.running; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", said], cwd=ROOT, check=False).returncode == 0
