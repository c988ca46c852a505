"""A folder with feeds -> what Prefect shows of the flows at work on it, as JSON. Run as a program of its own.

Prefect changes its whole process (settings, loggers, warnings), so the tests look at it from outside.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from flows.home import Home, Ownership, owner_of

PREFECT = Path(sys.executable).with_name("prefect")
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",  # only runs that the test asks for
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
}


def watched(root: Path, home: Home, silent: Home) -> dict[str, object]:
    """Deploys, runs by a worker, and runs in this process; `silent` is a folder whose feed never answers."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    from flows.scheduled.collect import collect
    from flows.scheduled.drain import drain

    seen: dict[str, object] = {"parameters": drain.parameters.properties}
    with prefect_test_harness(server_startup_timeout=90), get_client(sync_client=True) as client:
        given = os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value(), "TOCSIN_HOME": str(home.path)}
        client.create_work_pool(WorkPoolCreate(name="tocsin", type="process"))
        seen["deploy"] = _prefect(root, given, "deploy", "--all", "--prefect-file", "deploy/prefect.yaml")
        deployments = client.read_deployments()
        seen["deployments"] = [deployment.model_dump(mode="json") for deployment in deployments]
        polling = next(deployment.id for deployment in deployments if deployment.name == "collect")
        asked = client.create_flow_run_from_deployment(polling, parameters={"allow_loopback": True})
        seen["worker"] = _prefect(home.path, given, "worker", "start", "--pool", "tocsin", "--run-once")
        seen["by the worker"] = client.read_flow_run(asked.id).state_name
        seen["extract"] = drain("extract", str(home.path), allow_loopback=True)
        seen["in use"] = _in_use(home, collect)
        seen["freed"] = _freed(home, collect)
        seen["silent"] = _timed_out(silent, collect)
        seen["no such stage"] = _refusal(drain, home)
        seen["task runs"] = sorted((run.name, run.state_name, run.run_count) for run in client.read_task_runs())
        tables = [artifact for artifact in client.read_artifacts() if artifact.type == "table"]
        tables.sort(key=lambda table: table.created)
        seen["tables"] = [[table.key, json.loads(table.data), table.description] for table in tables]
    return seen


def _prefect(folder: Path, environment: dict[str, str], *words: str) -> list[object]:
    done = subprocess.run([PREFECT, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return [done.returncode, done.stdout + done.stderr]


def _in_use(home: Home, collect) -> list[str]:
    from flows.scheduled.rounds import one_round

    one_round.retries, one_round.retry_delay_seconds = 1, 0.1
    ownership = Ownership.take(home)
    try:
        state = collect(str(home.path), return_state=True)
    finally:
        ownership.release()
    return [state.name, state.message]


def _freed(home: Home, collect) -> str:
    from flows.scheduled.rounds import one_round

    one_round.retries, one_round.retry_delay_seconds = 100, 0.2
    ownership = Ownership.take(home)
    threading.Timer(1.5, ownership.release).start()
    return collect(str(home.path), allow_loopback=True, return_state=True).name


def _timed_out(silent: Home, collect) -> list[object]:
    started = time.monotonic()
    state = collect.with_options(timeout_seconds=2)(str(silent.path), allow_loopback=True, return_state=True)
    return [state.name, time.monotonic() - started, owner_of(silent) is None]


def _refusal(drain, home: Home) -> str:
    from prefect.exceptions import ParameterTypeError

    try:
        drain("nonsense", str(home.path))
    except ParameterTypeError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    os.environ |= QUIET
    where, home_of_all, home_of_silence = map(Path, sys.argv[1:])
    print(json.dumps(watched(where, Home(home_of_all), Home(home_of_silence))))
