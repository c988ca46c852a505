import asyncio
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from route_kit import COMMAND, end, environ, running

import flows.health
from flows.health import Health, Store
from flows.health_settings import HealthSettings
from flows.metrics import Meter
from flows.monitoring import Beside, HealthServer
from ingest.verdict import Abort, Retry


def fine():
    return None


def away():
    raise Retry("the index at https://search.example:9200 is away; is it running?")


def broken():
    raise KeyError("a fault of a library")


def health(*stores, figures=list):
    return Health(Meter(), stores, figures)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ask(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_ready_is_said_with_every_store():
    answer = health(Store(name="ledger", ask=fine), Store(name="stream", ask=fine)).answer("/readyz")
    assert (answer.status, answer.body.decode()) == (200, "ready\nledger: answers\nstream: answers\n")


def test_a_store_that_is_away_is_named_and_the_process_is_not_ready():
    answer = health(Store(name="ledger", ask=fine), Store(name="index", ask=away)).answer("/readyz")
    assert answer.status == 503
    assert answer.body.decode() == (
        "not ready\nledger: answers\n"
        "index: away: the index at https://search.example:9200 is away; is it running?\n"
    )  # fmt: skip


def test_a_store_that_is_not_needed_keeps_nobody_from_being_ready():
    answer = health(Store(name="index", ask=broken, needed=False)).answer("/readyz")
    assert answer.status == 200
    assert "index: away: KeyError; this process does not need it to go on" in answer.body.decode()


def test_a_store_that_never_answers_is_away(monkeypatch):
    monkeypatch.setattr(flows.health, "WAIT_SECONDS", 0.05)
    answer = health(Store(name="ledger", ask=lambda: time.sleep(2))).answer("/readyz")
    assert answer.status == 503
    assert "ledger: away: no answer within" in answer.body.decode()


def test_a_loop_that_turns_is_healthy_and_one_that_is_stuck_is_not(monkeypatch):
    checked = health()
    monkeypatch.setattr(flows.health, "STUCK_SECONDS", 0.2)
    time.sleep(0.3)
    assert checked.answer("/healthz").status == 503
    assert b"has not turned for" in checked.answer("/healthz").body

    async def turn():
        stop = asyncio.Event()
        turning = asyncio.create_task(checked.turn(stop))
        await asyncio.sleep(0)
        stop.set()
        await turning

    asyncio.run(turn())
    assert checked.answer("/healthz").status == 200


def test_metrics_are_given_while_a_store_is_away():
    def figures():
        raise Retry("the ledger is away")

    page = health(Store(name="ledger", ask=away), figures=figures).answer("/metrics").body.decode()
    assert 'tocsin_store_up{kind="ledger"} 0.0' in page
    assert "process_resident_memory_bytes" in page


async def with_server(settings, asked):
    server = HealthServer(health(Store(name="ledger", ask=fine)), settings)
    stop = asyncio.Event()
    task = asyncio.create_task(server.service.run(stop))
    try:
        return await asyncio.to_thread(asked, server.port)
    finally:
        stop.set()
        await task


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_small_server_answers_until_it_is_told_to_stop(host):
    def asked(port):
        where = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return [ask(where + path) for path in ("/healthz", "/readyz", "/", "/../etc/passwd")]

    settings = HealthSettings(host=host, port=free_port())
    found = asyncio.run(with_server(settings, asked))
    assert [status for status, _ in found] == [200, 200, 404, 404]
    assert found[2][1] == "there are /metrics, /healthz, /readyz\n"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, settings.port), timeout=5)


def test_a_port_that_is_taken_says_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(
            Abort, match=r"monitors cannot be answered at 127.0.0.1:\d+.*set health.port to a free port"
        ):
            HealthServer(health(), HealthSettings(port=taken.getsockname()[1]))


def beside(*, client="127.0.0.1", host="127.0.0.1:8740", path="/healthz", method="GET", headers=(), allow=()):
    """The status that an asker gets, "page" where the desk page is asked instead."""
    said = []

    async def page(scope, receive, send):
        said.append("page")

    async def send(message):
        if message["type"] == "http.response.start":
            said.append(message["status"])

    app = Beside(page, health(), HealthSettings(allow=allow), ["desk.example"])
    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "client": (client, 4711),
        "headers": [(b"host", host.encode()), *headers],
    }
    asyncio.run(app(scope, None, send))
    return said[0]


@pytest.mark.parametrize(
    "asker",
    [
        {},
        {"client": "::1", "host": "[::1]:8740"},
        {"client": "::ffff:127.0.0.1", "host": "localhost"},
        {"host": "desk.example:443"},
        {"method": "HEAD"},
        {"client": "10.1.2.3", "host": "10.1.0.9:8740", "allow": ("10.1.0.0/16",)},
    ],
)
def test_monitors_of_this_machine_and_of_allowed_networks_are_answered_beside_the_page(asker):
    assert beside(**asker) == 200


@pytest.mark.parametrize(
    "asker",
    [
        {"client": "10.1.2.3"},
        {"client": "10.2.2.3", "allow": ("10.1.0.0/16",)},
        {"host": "evil.example"},
        {"host": ""},
        {"headers": [(b"x-forwarded-for", b"203.0.113.9")]},
        {"headers": [(b"forwarded", b"for=203.0.113.9")]},
        {"method": "POST"},
        {"path": "/"},
        {"client": ""},
    ],
)
def test_everybody_else_gets_what_the_desk_page_says(asker):
    assert beside(**asker) == "page"


def test_a_network_that_is_none_says_what_to_write():
    with pytest.raises(Abort, match=r'health\.allow: .*; write networks such as "10\.1\.0\.0/16"'):
        beside(allow=("all",))


def test_the_desk_page_of_a_run_answers_monitors(tmp_path):
    with running("run", "--port", "0", home=tmp_path) as (_, lines):
        address = lines[-1].split("the desk page: ")[1].split()[0]
        assert ask(f"{address}/healthz") == (200, "the loop turns\n")
        status, said = ask(f"{address}/readyz")
        assert (status, said.splitlines()[0]) == (200, "ready")
        status, page = ask(f"{address}/metrics")
        assert status == 200
        assert 'tocsin_lag_records{stage="watch"} 0.0' in page


def test_one_stage_answers_monitors_at_its_own_port_and_logs_in_json(tmp_path):
    port = free_port()
    more = {"TOCSIN__HEALTH__PORT": str(port), "TOCSIN__LOGS__FORMAT": "json", "TOCSIN__LOGS__FILE": "false"}
    process = subprocess.Popen(
        [COMMAND, "work", "stories"], stderr=subprocess.PIPE, text=True, env=environ(tmp_path, more),
        start_new_session=True,
    )  # fmt: skip
    try:
        line = json.loads(next(line for line in process.stderr if "monitors are answered" in line))
        assert (line["stage"], line["port"], line["event"]) == ("stories", port, "monitors are answered")
        assert ask(f"http://127.0.0.1:{port}/healthz")[0] == 200
        assert ask(f"http://127.0.0.1:{port}/readyz")[1].startswith("ready\nledger: answers\nstream: answers\n")
        assert "tocsin_build_info" in ask(f"http://127.0.0.1:{port}/metrics")[1]
    finally:
        end(process)
        process.stderr.close()
    assert not (tmp_path / "tocsin.log").exists()
