"""A receiver of webhooks that refuses some -> what it was sent; and the demo's watches, each ringing it."""

import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

from route_kit import objects

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


def rings(alerts):
    """The ids of the events that rang."""
    return {event["id"] for alert in alerts for event in alert["events"] if event["kind"] in ("rang", "escalated")}


def delivery_ids(received):
    """Event id -> ids of the deliveries by which the receiver heard of it."""
    ids = defaultdict(set)
    for delivery, body in received:
        ids[body["data"]["event"]["id"]].add(delivery)
    return ids
