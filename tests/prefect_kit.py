"""A real Prefect server and a real process worker on loopback, and what their API says.

Prefect changes its whole process (settings, loggers, warnings), so the tests talk to it from outside.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

PREFECT = Path(sys.executable).with_name("prefect")
ROOT = Path(__file__).parents[1]
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",  # only runs that the test asks for
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_CLI_PROMPT": "false",
}
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
BUSY = (1, 2, 4, 8, 16)  # seconds between the times that a busy server is asked, as its own client does
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """A Prefect server in a folder of its own, with everything of deploy/prefect.yaml deployed."""

    def __init__(self, folder, port):
        self.folder, self.address = folder, f"http://127.0.0.1:{port}"
        self.api = f"{self.address}/api"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN__")} | {
            **QUIET,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.api,
            "PREFECT_UI_API_URL": self.api,
            "PREFECT_SERVER_UI_API_URL": self.api,
        }

    def ask(self, path, body=None):
        """What the API answers: to a POST where there is a body, else to a GET. While it is busy it is asked again."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.api + path, data, headers, method="GET" if body is None else "POST")
        for pause in (*BUSY, None):
            try:
                with DIRECT.open(request, timeout=60) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                if error.code != 503 or pause is None:
                    raise AssertionError(f"{path}: {error.code} {error.read().decode()}") from error
                time.sleep(pause)
        return None

    def run(self, flow, **parameters):
        """Asks for a run of the deployment of `flow`; gives its id."""
        deployment = self.ask(f"/deployments/name/{flow}/{flow}")["id"]
        return self.ask(
            f"/deployments/{deployment}/create_flow_run",
            {"parameters": parameters, "idempotency_key": uuid.uuid4().hex},
        )["id"]

    def missed(self, flow):
        """Asks for a run that should have started an hour ago; gives its id once the server calls it late."""
        deployment = self.ask(f"/deployments/name/{flow}/{flow}")["id"]
        hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": hour_ago}}
        run = self.ask(f"/deployments/{deployment}/create_flow_run", {"state": state})["id"]
        deadline = time.monotonic() + 120
        while self.ask(f"/flow_runs/{run}")["state"]["name"] != "Late":
            assert time.monotonic() < deadline, "the server calls nothing late"
            time.sleep(0.5)
        return run

    def ended(self, run, seconds=300):
        """The run once it has ended."""
        deadline = time.monotonic() + seconds
        while (found := self.ask(f"/flow_runs/{run}"))["state"]["type"] not in ENDED:
            assert time.monotonic() < deadline, f"{found['name']} is still {found['state']}"
            time.sleep(0.3)
        return found

    def cancel(self, run):
        self.ask(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})

    def artifacts(self, run):
        """What the run left, by key: (type, data, description)."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [run]}}}
        found = self.ask("/artifacts/filter", wanted)
        return {one["key"]: (one["type"], _plain(one), one["description"]) for one in found if one["key"]}

    def artifact(self, run, key):
        """The id of one of them."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [run]}, "key": {"any_": [key]}}}
        return self.ask("/artifacts/filter", wanted)[0]["id"]

    def logs(self, run, expected, seconds=100):
        """What the run logged, once `expected` is among it: the lines come in batches, the last after its end."""
        wanted, deadline = (
            {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"},
            time.monotonic() + seconds,
        )
        while True:
            said = "\n".join(line["message"] for line in self.ask("/logs/filter", wanted))
            if expected in said or time.monotonic() > deadline:
                return said
            time.sleep(0.3)

    def prefect(self, *words, cwd=ROOT, timeout=180, **more):
        """The command `prefect` to its end."""
        given = self.environment | more
        done = subprocess.run([PREFECT, *words], cwd=cwd, env=given, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout

    def program(self, path, *words, timeout=220):
        """A program of ours that uses Prefect in its own process, to its end; gives the object that it prints."""
        given = self.environment | {"PYTHONPATH": str(ROOT), "PREFECT_LOGGING_LEVEL": "CRITICAL"}
        words = [sys.executable, str(path), *map(str, words)]
        done = subprocess.run(words, env=given, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])


def _plain(artifact):
    return json.loads(artifact["data"]) if artifact["type"] == "table" else artifact["data"]


@contextmanager
def served(folder):
    """A server until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(folder, port)
    with _process(server, "server", "start", "--host", "127.0.0.1", "--port", str(port)):
        _until_it_answers(server)
        server.ask("/work_pools/", {"name": "tocsin", "type": "process"})
        server.prefect("deploy", "--all", "--prefect-file", "deploy/prefect.yaml")
        yield server


@contextmanager
def working(server, home):
    """A worker over a folder until the end of the block."""
    with _process(server, "worker", "start", "--pool", "tocsin", "--name", "desk", TOCSIN_HOME=str(home)):
        yield


@contextmanager
def _process(server, *words, **more):
    log = server.folder / f"{words[0]}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [PREFECT, *words],
            cwd=server.folder,
            env=server.environment | more,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process):
    """Ends a process that we started, and its children: they share its session."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(15)


def _until_it_answers(server, seconds=300):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with DIRECT.open(f"{server.api}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError((server.folder / "server.log").read_text()[-3000:])
