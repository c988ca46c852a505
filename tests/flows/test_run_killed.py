"""kill -9 of the whole process tree, again and again, while alerts ring: nothing lost, no delivery with a second id."""

import random
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import pytest
from route_kit import COMMAND, alerts, environ, found, kill_tree, objects, tocsin

from flows.demo.newsroom import Newsroom
from flows.demo.stock import stock

SETTINGS = """
[feeds]
first_interval_seconds = 1.0
shortest_interval_seconds = 1.0
longest_interval_seconds = 1.0
loopback_shortest_seconds = 1.0
[deliver]
first_pause_seconds = 0.5
[[channels]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:{port}/hook"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"
"""


@contextmanager
def receiver():
    """A receiver of webhooks that keeps what it was sent, and refuses one in five so that some are sent again."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            received.append((self.headers["webhook-id"], objects(body)[0]))
            self.send_response(503 if len(received) % 5 == 0 else 204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port, received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def watched(folder):
    """The demo's watches, each ringing the hook too."""
    text = (files("flows.demo") / "watches.toml").read_text(encoding="utf-8")
    file = folder / "watches.toml"
    file.write_text(text.replace("[[watch]]", '[[watch]]\nchannels = ["hook"]'))
    return file


@pytest.mark.prove
def test_killed_twenty_times_while_it_rings_nothing_is_lost_and_no_delivery_has_two_ids(tmp_path):
    chance = random.Random(7)
    home = tmp_path / "home"
    home.mkdir()
    newsroom = Newsroom(opened=datetime.now(UTC), speed=1.2)
    newsroom.start()
    with receiver() as (port, received):
        (home / "tocsin.toml").write_text(SETTINGS.format(port=port))
        command = [
            COMMAND, "run", "--feeds", newsroom.feeds_url, "--watches", str(watched(tmp_path)), "--home", str(home),
            "--allow-loopback", "--port", "0",
        ]  # fmt: skip
        for _ in range(20):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ(None), start_new_session=True
            )
            time.sleep(chance.uniform(1, 8))
            kill_tree(process)
        time.sleep(max(0.0, newsroom.seconds_left))
        for _ in range(3):  # what the receiver refused goes again
            tocsin(*command[1:-2], "--until-idle", timeout=200)
    newsroom.stop()
    assert {row["url"].split("/", 3)[3] for row in found(home)} == {article.path[1:] for article in stock()}
    rung = alerts(home)
    assert sum(alert["watch"] == "release-for-relief" for alert in rung) == 1
    rings = {event["id"] for alert in rung for event in alert["events"] if event["kind"] in ("rang", "escalated")}
    ids = defaultdict(set)
    for delivery, body in received:
        ids[body["data"]["event"]["id"]].add(delivery)
    assert rings <= set(ids), "a ring was never sent"
    assert all(len(names) == 1 for names in ids.values())
    assert "✗" not in tocsin("doctor", home=home)
