"""What tests of deliveries share: a clock, a ledger with rings in it, receivers."""

import base64
import contextlib
import hmac
import json
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial

from building import NOON, told, topic
from sqlalchemy import select

from ingest.fetch import Fetcher, FetchSettings
from ingest.fetch.guard import is_open
from ingest.ledger.tables import alerts as tables
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.deliver.channels import senders
from search.deliver.deliverer import Deliverer
from search.deliver.settings import ChannelSettings, DeliverySettings
from search.query.parse import parse
from search.watch import Watch
from search.watches import WatchStore

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
HERE = FetchSettings(allow_loopback=True)
LOOPBACK = partial(is_open, settings=HERE)
DESK = DeliverySettings(desk_url="http://desk.example:8740", attempts=3, first_pause_seconds=10, look_seconds=0.02)
HOSTILE = "<script>alert(1)</script>\r\nBcc: spy@evil.example \u2028 sanctions"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now

    def pass_seconds(self, seconds):
        self.now += timedelta(seconds=seconds)


def ring(ledger, clock, *channels, id="a", title="Sanctions eased", text="Washington eased its sanctions."):  # noqa: A002
    """An alert that rings for `channels`, as the stage writes it."""
    store = WatchStore(ledger, parse, clock=clock)
    store.put(
        Watch(id="eased", name="Eased", query="topic:sanctions.eased", severity="high", channels=channels), by="Ana"
    )
    eased = topic(words="eased its sanctions", text=text)
    article = told(id, title=title, text=text, topics=[eased], story=f"s-{id}", source="Harbour <b>Wire</b>")
    WatchStage(ledger, store, Engine(), clock=clock).handle([article])


def deliveries(ledger, channel="hook"):
    rows = tables.deliveries.c
    with ledger.read() as connection:
        return connection.execute(select(tables.deliveries).where(rows.channel == channel).order_by(rows.event)).all()


def hook(url):
    return ChannelSettings(name="hook", kind="webhook", url=url, secret=SECRET)


@contextlib.asynccontextmanager
async def delivering(ledger, clock, *channels, settings=DESK):
    async with Fetcher(HERE) as fetcher:
        made = senders(channels, fetcher, LOOPBACK, settings=settings, clock=clock)
        yield Deliverer(ledger, made, settings, clock=clock, chance=lambda _low, high: high)


def verified(site, request=-1):
    """The body of a request, after checking its signature as a receiver does."""
    name, at = site.header("webhook-id", request), site.header("webhook-timestamp", request)
    signed = f"{name}.{at}.".encode() + site.bodies[request]
    wanted = "v1," + base64.b64encode(hmac.new(KEY, signed, "sha256").digest()).decode()
    assert hmac.compare_digest(wanted, site.header("webhook-signature", request))
    return json.loads(site.bodies[request])


class Inbox:
    """What a real mail server got, and what it answers."""

    def __init__(self):
        self.mails, self.recipients, self.reply = [], [], "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - as aiosmtpd calls it
        if self.reply.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            self.recipients.append(envelope.rcpt_tos)
        return self.reply


def mailbox(inbox, **more):
    values = {"host": "127.0.0.1", "port": inbox.port, "encryption": "none", "sender": "tocsin@desk.example"}
    return ChannelSettings(name="mail", kind="email", to=("desk@desk.example",), **{**values, **more})
