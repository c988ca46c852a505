"""Webhooks, and how deliveries wait, die, are held and let go."""

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from deliver_kit import DESK, SECRET, deliveries, delivering, hook, ring, verified
from fetch_server import answer, serving
from sqlalchemy import select

from ingest.clock import now
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from search.deliver import outbox

pytest_plugins = ("deliver_fixtures",)
# apprise 1.13 imports a module that Python 3.13 has no more; it is ready for that
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


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
