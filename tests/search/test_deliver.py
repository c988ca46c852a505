import asyncio
import base64
import contextlib
import hmac
import json
import signal
import socket
import sys
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial

import pytest
from aiosmtpd.controller import Controller
from building import NOON, told, topic
from fetch_server import answer, redirect, serving
from sqlalchemy import select

from ingest.clock import now
from ingest.fetch import Fetcher, FetchSettings
from ingest.fetch.guard import is_open
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from ingest.verdict import Reject, Retry
from search.alerts.engine import Engine
from search.alerts.ids import delivery_id
from search.alerts.stage import WatchStage
from search.deliver import outbox
from search.deliver.apprise import Apprise
from search.deliver.channels import senders
from search.deliver.deliverer import Deliverer
from search.deliver.heartbeat import Heartbeat
from search.deliver.mail import Mail, compose
from search.deliver.message import message_of, trial_message
from search.deliver.settings import ChannelSettings, DeliverySettings
from search.deliver.webhook import sign
from search.query.parse import parse
from search.watch import Watch
from search.watches import WatchStore

# apprise 1.13 imports a module that Python 3.13 has no more; it is ready for that
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

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


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


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


@pytest.fixture
def inbox():
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        inbox.port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    controller.start()
    yield inbox
    controller.stop()


def mailbox(inbox, **more):
    values = {"host": "127.0.0.1", "port": inbox.port, "encryption": "none", "sender": "tocsin@desk.example"}
    return ChannelSettings(name="mail", kind="email", to=("desk@desk.example",), **{**values, **more})


# Webhooks


def test_a_webhook_is_signed_and_says_where_to_look(ledger, clock):
    async def case():
        async with (
            serving({"/in": answer(b"ok")}) as site,
            delivering(ledger, clock, hook(site.url("/in"))) as deliverer,
        ):
            ring(ledger, clock, "hook")
            assert await deliverer.step() == 1
            return site.header("webhook-id"), verified(site)

    name, body = asyncio.run(case())
    row = deliveries(ledger)[0]
    assert (row.id, row.state, row.attempts) == (name, "sent", 1)
    assert body["type"] == "alert.rang"
    assert body["timestamp"] == "2026-03-02T12:00:00Z"
    assert body["data"]["schema"] == 1
    assert body["data"]["url"] == f"http://desk.example:8740/alerts/{row.alert}"
    assert body["data"]["alert"]["severity"] == "high"
    assert body["data"]["why"]["true"] is True
    assert body["data"]["tellings"][0]["said"][0]["topic"] == "sanctions.eased"
    assert body["data"]["passages"][0]["passage"]["marks"]


def test_a_receiver_that_is_away_gets_it_later_under_the_same_id(ledger, clock):
    async def case():
        async with (
            serving({"/in": answer(status="503 Away")}) as site,
            delivering(ledger, clock, hook(site.url("/in"))) as deliverer,
        ):
            ring(ledger, clock, "hook")
            assert (await deliverer.step(), await deliverer.step()) == (1, 0)
            assert deliveries(ledger)[0].detail == "the receiver answered 503"
            site.answers["/in"] = answer()
            clock.pass_seconds(11)
            assert await deliverer.step() == 1
            return [site.header("webhook-id", request) for request in range(2)]

    first, second = asyncio.run(case())
    assert first == second
    assert (deliveries(ledger)[0].state, deliveries(ledger)[0].attempts) == ("sent", 2)


def test_a_delivery_fails_after_its_last_attempt_and_says_why(ledger, clock):
    async def case():
        async with (
            serving({"/in": answer(status="500 Broken")}) as site,
            delivering(ledger, clock, hook(site.url("/in"))) as deliverer,
        ):
            ring(ledger, clock, "hook")
            for _ in range(5):
                await deliverer.step()
                clock.pass_seconds(3600)
            return len(site.requests)

    assert asyncio.run(case()) == 3
    assert deliveries(ledger)[0].state == "failed"
    assert deliveries(ledger)[0].detail == "gave up after 3 attempts: the receiver answered 500"


def test_a_receiver_that_asks_for_time_gets_it(ledger, clock):
    async def case():
        async with (
            serving({"/in": answer(status="429 Slow", retry_after="600")}) as site,
            delivering(ledger, clock, hook(site.url("/in"))) as deliverer,
        ):
            ring(ledger, clock, "hook")
            await deliverer.step()
            clock.pass_seconds(599)
            assert await deliverer.step() == 0
            clock.pass_seconds(2)
            assert await deliverer.step() == 1

    asyncio.run(case())


def test_a_receiver_that_is_gone_or_not_open_is_tried_no_more(ledger, clock):
    async def case():
        async with serving({"/in": answer(status="410 Gone")}) as site:
            inside = replace(hook("http://10.0.0.7/in"), name="inside")
            async with delivering(ledger, clock, hook(site.url("/in")), inside) as deliverer:
                ring(ledger, clock, "hook", "inside")
                await deliverer.step()

    asyncio.run(case())
    assert deliveries(ledger)[0].state == deliveries(ledger, "inside")[0].state == "failed"
    assert "egress_allow" in deliveries(ledger, "inside")[0].detail


DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from ingest.clock import now
from ingest.fetch import Fetcher, FetchSettings
from ingest.ledger import Ledger
from search.deliver.deliverer import Deliverer
from search.deliver.channels import senders
from search.deliver.settings import ChannelSettings, DeliverySettings

class Dies:
    def __init__(self, sender):
        self.sender = sender

    async def send(self, message):
        await self.sender.send(message)
        os.kill(os.getpid(), signal.SIGKILL)

async def main(path, url, secret):
    async with Fetcher(FetchSettings(allow_loopback=True)) as fetcher:
        channel = ChannelSettings(name="hook", kind="webhook", url=url, secret=secret)
        made = senders([channel], fetcher, lambda host, port: True)
        settings = DeliverySettings(first_pause_seconds=10, desk_url="http://desk.example:8740")
        await Deliverer(Ledger.open(Path(path)), {"hook": Dies(made["hook"])}, settings).step()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.file
def test_a_process_killed_between_sending_and_recording_sends_the_same_id_again(tmp_path, clock):
    path = tmp_path / "ledger.db"

    async def case():
        async with serving({"/in": answer()}) as site:
            ledger = Ledger.open(path)
            ring(ledger, clock, "hook")
            ledger.close()
            arguments = ("-c", DIES, str(path), site.url("/in"), SECRET)
            child = await asyncio.create_subprocess_exec(sys.executable, *arguments)
            assert await child.wait() == -signal.SIGKILL
            ledger = Ledger.open(path)
            left = deliveries(ledger)[0]
            clock.now = now() + timedelta(seconds=11)
            async with delivering(ledger, clock, hook(site.url("/in"))) as deliverer:
                assert await deliverer.step() == 1
            last = deliveries(ledger)[0]
            ledger.close()
            return left, last, [site.header("webhook-id", request) for request in range(2)], site.bodies

    left, last, names, bodies = asyncio.run(case())
    assert (left.state, left.attempts) == ("waiting", 1)
    assert (last.state, last.attempts) == ("sent", 2)
    assert names == [last.id, last.id]
    assert json.loads(bodies[0]) == json.loads(bodies[1])


def test_a_process_that_always_dies_while_it_sends_gives_up(ledger, clock):
    ring(ledger, clock, "hook")
    for _ in range(3):
        assert outbox.take(ledger, "hook", 10**15, replace(DESK, first_pause_seconds=0), lambda _attempt: 0) is not None
        clock.pass_seconds(60)
    assert outbox.take(ledger, "hook", 2 * 10**15, DESK, lambda _attempt: 0) is None
    assert deliveries(ledger)[0].state == "failed"


def test_a_slow_channel_keeps_no_other_waiting(ledger, clock):
    async def slow(_writer):
        await asyncio.sleep(30)

    async def case():
        async with serving({"/slow": slow, "/in": answer()}) as site:
            channels = [replace(hook(site.url("/slow")), name="slow"), hook(site.url("/in"))]
            async with delivering(ledger, clock, *channels) as deliverer:
                ring(ledger, clock, "slow", "hook")
                ring(ledger, clock, "slow", "hook", id="b")
                stop = asyncio.Event()
                running = asyncio.create_task(deliverer.run(stop))
                while [row.state for row in deliveries(ledger)] != ["sent", "sent"]:
                    await asyncio.sleep(0.01)
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running

    asyncio.run(asyncio.wait_for(case(), 10))


def test_run_delivers_what_comes_until_it_is_stopped(ledger, clock):
    async def case():
        async with serving({"/in": answer()}) as site, delivering(ledger, clock, hook(site.url("/in"))) as deliverer:
            stop = asyncio.Event()
            running = asyncio.create_task(deliverer.run(stop))
            for name in ("a", "b"):
                await asyncio.to_thread(ring, ledger, clock, "hook", id=name)
                while not all(row.state == "sent" for row in deliveries(ledger)):
                    await asyncio.sleep(0.01)
            stop.set()
            await running
            return len(site.requests)

    assert asyncio.run(asyncio.wait_for(case(), 10)) == 2


def test_a_channel_that_the_settings_do_not_have_fails_by_name(ledger, clock):
    async def case():
        async with delivering(ledger, clock) as deliverer:
            ring(ledger, clock, "nowhere")
            await deliverer.step()

    asyncio.run(case())
    assert deliveries(ledger, "nowhere")[0].state == "failed"
    assert "no channel of this name" in deliveries(ledger, "nowhere")[0].detail


# Held deliveries


def test_what_is_held_goes_out_when_it_is_released(ledger, clock):
    async def case():
        async with serving({"/in": answer()}) as site, delivering(ledger, clock, hook(site.url("/in"))) as deliverer:
            ring(ledger, clock, "hook")
            outbox.hold(ledger, by="Ana", clock=clock)
            ring(ledger, clock, "hook", id="b")
            assert await deliverer.step() == 0
            assert [row.state for row in deliveries(ledger)] == ["held", "held"]
            assert outbox.release(ledger, by="Ana", clock=clock) == 2
            assert await deliverer.step() == 2

    asyncio.run(case())
    with ledger.read() as connection:
        assert outbox.held(connection) == ""
        assert [row.what for row in connection.execute(select(tables.audit)) if row.subject == "deliveries"] == [
            "deliveries held",
            "deliveries released",
        ]


def test_what_is_held_is_dropped_only_when_asked(ledger, clock):
    outbox.hold(ledger, by="Ana", clock=clock)
    ring(ledger, clock, "hook")
    assert outbox.release(ledger, by="Ben", drop=True, clock=clock) == 1
    assert (deliveries(ledger)[0].state, "dropped by Ben" in deliveries(ledger)[0].detail) == ("failed", True)
    assert deliveries(ledger, "page")[0].state == "sent"


def test_a_test_ring_tells_what_came_of_it(ledger, clock):
    async def case():
        async with serving({"/in": answer(), "/no": answer(status="401 Who")}) as site:
            channels = [hook(site.url("/in")), replace(hook(site.url("/no")), name="refused")]
            async with delivering(ledger, clock, *channels) as deliverer:
                said = [await deliverer.test_ring(name, by="Ana") for name in ("hook", "refused", "absent")]
                return said, verified(site, 0)

    said, body = asyncio.run(case())
    assert said[0] == "accepted, status 200"
    assert said[1] == "failed: the receiver answered 401"
    assert "no channel absent" in said[2]
    assert body["type"] == "alert.test"
    assert deliveries(ledger) == []


# E-mail


def test_a_mail_carries_the_words_marked_and_the_id_of_its_delivery(ledger, clock, inbox):
    async def case():
        async with delivering(ledger, clock, mailbox(inbox)) as deliverer:
            ring(ledger, clock, "mail")
            await deliverer.step()

    asyncio.run(case())
    mail, row = inbox.mails[0], deliveries(ledger, "mail")[0]
    text, html = (part.get_content() for part in mail.iter_parts())
    assert mail["Message-ID"] == f"<{row.id}@desk.example>"
    assert mail["Subject"] == "Sanctions eased"
    assert inbox.recipients == [["desk@desk.example"]]
    assert "*eased its sanctions*" in text
    assert f"http://desk.example:8740/alerts/{row.alert}" in text
    assert '<mark style="background:#ffe58a">eased its sanctions</mark>' in html
    assert "sanctions eased · done" in html
    assert "<b>Wire</b>" not in html
    assert row.detail == "accepted by the mail server"


def test_hostile_titles_neither_make_headers_nor_markup(ledger, clock, inbox):
    text = f"{HOSTILE} eased its sanctions"

    async def case():
        async with delivering(ledger, clock, mailbox(inbox)) as deliverer:
            store = WatchStore(ledger, parse, clock=clock)
            store.put(Watch(id="w", name=HOSTILE, query="sanctions", desk=HOSTILE, channels=("mail",)), by="Ana")
            WatchStage(ledger, store, Engine(), clock=clock).handle(
                [told("a", title="Санкции " * 40 + HOSTILE, text=text, source=HOSTILE, url="javascript:alert(1)")]
            )
            await deliverer.step()

    asyncio.run(case())
    mail = inbox.mails[0]
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    html = next(part.get_content() for part in mail.iter_parts() if part.get_content_type() == "text/html")
    assert "<script>" not in html
    assert "javascript:" not in html


@pytest.mark.parametrize(("reply", "verdict"), [("451 Later", Retry), ("550 Never", Reject)])
def test_a_mail_server_says_whether_to_try_again(inbox, reply, verdict):
    inbox.reply = reply
    with pytest.raises(verdict, match=reply[:3]):
        asyncio.run(Mail(mailbox(inbox), LOOPBACK).send(trial_message("d", "mail", "Ana", NOON, DESK.desk_url)))


def test_a_mail_server_that_is_not_open_or_cannot_encrypt_gets_nothing(inbox):
    message = trial_message("d", "mail", "Ana", NOON, DESK.desk_url)
    closed = partial(is_open, settings=FetchSettings())
    with pytest.raises(Reject, match="egress_allow"):
        asyncio.run(Mail(mailbox(inbox), closed).send(message))
    with pytest.raises(Reject, match="STARTTLS"):
        asyncio.run(Mail(mailbox(inbox, encryption="starttls"), LOOPBACK).send(message))
    with pytest.raises(Retry, match="away"):
        asyncio.run(Mail(mailbox(inbox, encryption="tls"), LOOPBACK).send(message))
    assert inbox.mails == []


def test_a_mail_of_an_alert_belongs_to_its_thread(ledger, clock):
    ring(ledger, clock, "mail")
    settings = ChannelSettings(name="mail", kind="email", host="h", sender="a@desk.example", to=("b@desk.example",))
    due = outbox.take(ledger, "mail", 10**15, DESK, lambda _attempt: 0)
    first = compose(message_of(due.id, due.alert, due.event, DESK.desk_url), settings)
    assert first["References"] == f"<alert.{due.alert.id}@desk.example>"


# Apprise


def test_apprise_reaches_a_receiver_that_is_open(ledger, clock):
    async def case():
        async with serving({"/in": answer(b"{}")}) as site:
            channel = ChannelSettings(name="chat", kind="apprise", url=f"json://127.0.0.1:{site.port}/in")
            async with delivering(ledger, clock, channel) as deliverer:
                ring(ledger, clock, "chat")
                await deliverer.step()
                return json.loads(site.bodies[0])

    body = asyncio.run(case())
    assert body["title"] == "Sanctions eased"
    assert "/alerts/" in body["message"]
    assert deliveries(ledger, "chat")[0].detail == "accepted by the service"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("json://10.0.0.7/in", "10.0.0.7:80 is not open"),
        ("jsons://inside.example/in", "inside.example:443 is not open"),
        ("tgram://123:abc/456", 'add "tgram"'),
        ("no address", "no scheme"),
    ],
)
def test_apprise_goes_nowhere_that_is_not_open(url, said):
    sender = Apprise(ChannelSettings(name="chat", kind="apprise", url=url), LOOPBACK, ())
    with pytest.raises(Reject, match=said):
        asyncio.run(sender.send(trial_message("d", "chat", "Ana", NOON, DESK.desk_url)))


def test_apprise_follows_no_redirect_even_if_its_address_asks_for_it():
    async def case():
        async with serving({"/inside": answer()}) as inside, serving() as site:
            site.answers["/in"] = redirect(inside.url("/inside"), "307 There")
            url = f"json://127.0.0.1:{site.port}/in?redirect=yes"
            sender = Apprise(ChannelSettings(name="chat", kind="apprise", url=url), LOOPBACK, ())
            with pytest.raises(Retry):
                await sender.send(trial_message("d", "chat", "Ana", NOON, DESK.desk_url))
            return len(site.requests), len(inside.requests)

    assert asyncio.run(case()) == (1, 0)


def test_apprise_tries_again_what_a_service_did_not_take():
    async def case():
        async with serving({"/in": answer(status="500 Broken")}) as site:
            channel = ChannelSettings(name="chat", kind="apprise", url=f"json://127.0.0.1:{site.port}/in")
            await Apprise(channel, LOOPBACK, ()).send(trial_message("d", "chat", "Ana", NOON, DESK.desk_url))

    with pytest.raises(Retry, match="did not accept"):
        asyncio.run(case())


# Settings and ids


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "page", "kind": "webhook"}, "desk page"),
        ({"name": "x", "kind": "webhook", "secret": SECRET}, "needs url"),
        ({"name": "x", "kind": "webhook", "url": "https://a.example", "secret": "whsec_short"}, "24 to 64"),
        ({"name": "x", "kind": "email", "host": "h", "sender": "a@b.example"}, "needs to"),
        ({"name": "x", "kind": "apprise"}, "json://"),
    ],
)
def test_settings_that_cannot_work_say_what_to_write(values, said):
    with pytest.raises(ValueError, match=said):
        ChannelSettings(**values)


def test_two_channels_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two channels"):
        senders([hook("https://a.example"), hook("https://b.example")], None, LOOPBACK)


def test_the_signature_is_that_of_the_specification():
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    said = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert said == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_pauses_double_up_to_the_longest():
    deliverer = Deliverer(None, {}, DeliverySettings(), chance=lambda _low, high: high)
    assert [deliverer.pause_seconds(attempt) for attempt in (1, 2, 3, 12, 99)] == [30, 60, 120, 3600, 3600]


def test_a_delivery_is_named_by_its_event_and_channel():
    assert delivery_id("e", "hook") == delivery_id("e", "hook") != delivery_id("e", "mail")


# The heartbeat


def test_the_heart_beats_outside_only_while_all_is_well(ledger, clock):
    wrong = [""]

    async def case():
        async with serving({"/beat": answer()}) as site, Fetcher(HERE) as fetcher:
            settings = replace(DESK, monitor_url=site.url("/beat"))
            heart = Heartbeat(ledger, fetcher, lambda: wrong[0], settings, clock=clock)
            assert await heart.beat() == ""
            wrong[0] = "collecting has stopped"
            assert await heart.beat() == "collecting has stopped"
            wrong[0] = ""
            site.answers["/beat"] = answer(status="500 Broken")
            assert await heart.beat() == "the monitor answered 500"
            return len(site.requests)

    assert asyncio.run(case()) == 2
    with ledger.read() as connection:
        fact = connection.execute(select(tables.facts).where(tables.facts.c.name == "heartbeat")).one()
    assert fact.value == "2026-03-02T12:00:00+00:00"


def test_a_heart_without_a_monitor_beats_in_the_ledger_and_stops_when_asked(ledger, clock):
    async def case():
        stop = asyncio.Event()
        heart = Heartbeat(ledger, None, lambda: "", replace(DESK, heartbeat_seconds=0.01), clock=clock)
        running = asyncio.create_task(heart.run(stop))
        await asyncio.sleep(0.05)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(case(), 5))
    with ledger.read() as connection:
        assert connection.execute(select(tables.facts.c.name)).scalars().all() == ["heartbeat"]
