"""The Prefect flows on a real server: what is deployed, and what a folder in use, a limit or a wrong word does."""

import ast
import inspect
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prefect_kit import served
from route_kit import finished, objects

from flows.demo.newsroom import Newsroom
from flows.home import Home
from flows.opening import owning
from flows.route import ROUTE
from flows.subscribing import subscribe_to
from ingest.clock import now
from ingest.feeds.lists import ListedFeed
from ingest.feeds.subscribe import subscribe

ROOT = Path(__file__).parents[2]
SCHEDULED = ROOT / "flows" / "scheduled"
DEPLOYED = yaml.safe_load((ROOT / "deploy" / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
LEASE_SECONDS = 60.0  # as rounds.py has it; importing that would change this whole process
DRAINED = [arrow.stage for arrow in ROUTE if arrow.stage != "collect"]
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """One server on loopback for all tests, for it takes ten seconds to start."""
    folder = tmp_path_factory.mktemp("prefect")
    newsroom = Newsroom(opened=now() - timedelta(minutes=1))
    newsroom.start()
    home, silent = Home(folder / "home"), Home(folder / "silent")
    try:
        with owning(home, allow_loopback=True) as parts:
            subscribe_to(parts, [newsroom.feeds_url])
        with socket.create_server(("127.0.0.1", 0)) as nobody, served(folder) as server:
            with owning(silent) as parts:
                url = f"http://127.0.0.1:{nobody.getsockname()[1]}/feed.xml"
                subscribe(parts.ledger, [ListedFeed(url=url)], list_name="", now=now())
            found = server.ask("/deployments/filter", {})
            inside = server.program(ROOT / "tests" / "prefect_inside.py", home.path, silent.path)
            limits = settled(server)
            server.missed("collect")
            looked = maintained(home, server.environment)
            yield {"deployments": found, "limits": limits, "home": home, "looked": looked, **inside}
    finally:
        newsroom.stop()


def maintained(home, environment):
    """What `tocsin maintain --flows` finds, by key."""
    done = finished("maintain", "--flows", "--json", home=home.path, **environment)
    (found,) = objects(done.stdout)
    return {trouble["key"]: trouble["said"] for trouble in found["told"]["new"]}


def settled(server):
    """The limits once none is held: what a round took while it ran out of time stays taken until its lease ends."""
    deadline = time.monotonic() + 2 * LEASE_SECONDS
    while True:
        limits = server.ask("/v2/concurrency_limits/filter", {})
        if not any(one["active_slots"] for one in limits) or time.monotonic() > deadline:
            return limits
        time.sleep(0.5)


def flows_of(path):
    """The functions of a module that are flows."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any("flow" in ast.unparse(mark) for mark in node.decorator_list)
    ]


def test_every_flow_is_deployed_and_every_deployment_is_a_flow():
    written = {f"flows.scheduled.{path.stem}:{flow.name}" for path in SCHEDULED.glob("*.py") for flow in flows_of(path)}
    assert {one["entrypoint"] for one in DEPLOYED} == written


def test_every_parameter_of_every_deployment_is_one_of_its_flow():
    for one in DEPLOYED:
        (flow,) = flows_of(SCHEDULED / f"{one['entrypoint'].split(':')[0].rpartition('.')[2]}.py")
        known = {argument.arg for argument in flow.args.args}
        given = set(one.get("parameters", {}))
        given |= {name for schedule in one.get("schedules", ()) for name in schedule.get("parameters", {})}
        assert given <= known, one["name"]
        told = inspect.cleandoc(ast.get_docstring(flow)).partition("Args:")[2]
        assert all(f"{name}: " in told for name in known), one["name"]


def test_the_deployments_are_accepted_as_they_stand(seen):
    found = {deployment["name"]: deployment for deployment in seen["deployments"]}
    assert {name: one["entrypoint"] for name, one in found.items()} == {
        one["name"]: one["entrypoint"] for one in DEPLOYED
    }
    for one in found.values():
        assert one["work_pool_name"] == "tocsin"
        assert one["pull_steps"] == []  # nothing is fetched for a run
        assert one["global_concurrency_limit"]["limit"] == 1
        assert one["job_variables"]["env"]["DO_NOT_TRACK"] == "1"
        assert one["description"]
        assert "tocsin" in one["tags"]


def test_the_rounds_of_the_route_have_their_schedules_in_its_order(seen):
    route = [one for one in seen["deployments"] if one["name"] in ("collect", "drain")]
    planned = [schedule for one in route for schedule in one["schedules"]]
    planned.sort(key=lambda schedule: schedule["schedule"]["anchor_date"])
    assert [schedule["slug"] for schedule in planned] == [arrow.stage for arrow in ROUTE]
    assert [schedule["parameters"] for schedule in planned] == [{}, *({"stage": stage} for stage in DRAINED)]
    assert [schedule["schedule"]["interval"] for schedule in planned] == [60.0, *(300.0 for _ in DRAINED)]


def test_what_is_asked_for_by_hand_has_no_schedule_and_a_digest_waits_to_be_switched_on(seen):
    planned = {one["name"]: one["schedules"] for one in seen["deployments"]}
    assert planned["backfill"] == planned["replay"] == planned["reindex"] == []
    assert [schedule["active"] for schedule in planned["digest"]] == [False]
    assert [schedule["active"] for schedule in planned["maintenance"]] == [True]


def test_parameters_read_well_in_the_form_of_the_page(seen):
    forms = {one["name"]: one["parameter_openapi_schema"]["properties"] for one in seen["deployments"]}
    for name, form in forms.items():
        assert all(one["description"].endswith(".") for one in form.values()), name
    stage = forms["drain"]["stage"]
    assert stage["enum"] == DRAINED
    assert set(DRAINED) <= set(stage["description"].split())  # each is explained
    assert forms["backfill"]["source"]["enum"] == ["archive", "files", "addresses"]
    assert forms["backfill"]["ring"]["default"] is False
    assert forms["replay"]["since"]["format"] == "date-time"
    assert forms["replay"]["apply"]["default"] is False
    assert forms["digest"]["span"]["enum"] == ["day", "week"]


def test_flows_that_touch_one_folder_share_a_limit_that_they_make_themselves(seen):
    limits = {one["name"]: (one["limit"], one["active_slots"]) for one in seen["limits"]}
    assert limits["tocsin-folder"] == (1, 0)


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
    assert seconds >= 2
    assert free


def test_another_stage_is_refused_before_anything_runs(seen):
    assert (
        "stage: Input should be 'extract', 'enrich', 'stories', 'index', 'watch' or 'deliver'" in seen["no such stage"]
    )
    assert not [one for one in seen["task runs"] if one[0] == "drain nonsense"]


def test_a_flow_that_has_not_started_is_told_by_the_command_that_needs_no_worker(seen):
    assert "the flow collect should have started at" in seen["looked"]["flow late collect"]
    assert "is a worker running? `prefect worker start --pool tocsin`" in seen["looked"]["flow late collect"]


def test_where_the_prefect_server_is_away_the_command_says_so_and_does_the_rest(tmp_path):
    home = Home(tmp_path / "home")
    with owning(home):
        pass
    nowhere = {
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "DO_NOT_TRACK": "1",
    }
    found = maintained(home, nowhere)
    assert "the Prefect server at http://127.0.0.1:9/api does not answer" in found["prefect server"]
    assert "start it with `prefect server start`" in found["prefect server"]
    assert "check feeds" in found


def test_prefect_is_not_imported_by_what_does_not_use_it():
    said = "import sys, flows.command, flows.commands.running, flows.commands.operating, flows.maintaining"
    said += "; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", said], cwd=ROOT, check=False).returncode == 0
