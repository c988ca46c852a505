"""Mail, apprise, settings and the heartbeat: what each sends, and what it says where it cannot."""

import asyncio
import base64
import json
from dataclasses import replace
from functools import partial

import pytest
from building import NOON, told
from deliver_kit import DESK, HERE, HOSTILE, LOOPBACK, SECRET, deliveries, delivering, hook, mailbox, ring
from fetch_server import answer, redirect, serving
from sqlalchemy import select

from ingest.fetch import Fetcher, FetchSettings
from ingest.fetch.guard import is_open
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

pytest_plugins = ("deliver_fixtures",)
# apprise 1.13 imports a module that Python 3.13 has no more; it is ready for that
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


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
