"""Several processes that ring and deliver from one ledger on PostgreSQL: nothing goes out twice, nothing is lost."""

import asyncio
from collections import Counter

import pytest
from building import NOON, told, topic
from ledger_kit import at_once, opened, shared_ledger
from sqlalchemy import func, insert, select, update

from ingest.clock import to_ms
from ingest.ledger.tables import alerts as tables
from ingest.verdict import Retry
from search.alerts import acts
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.deliver import outbox
from search.deliver.deliverer import Deliverer
from search.deliver.heartbeat import Heartbeat
from search.deliver.settings import DeliverySettings
from search.query.parse import parse
from search.watch import Watch
from search.watches import WatchStore

pytestmark = pytest.mark.servers
rows = tables.deliveries.c


@pytest.fixture(scope="module")
def database():
    with shared_ledger() as url:
        yield url


@pytest.fixture
def url(database):
    """The address of a ledger with nothing in it."""
    with opened(database) as ledger, ledger.begin() as transaction:
        for table in reversed(tables.alerts.metadata.sorted_tables):
            transaction.execute(table.delete())
    return database


def watch(**changes):
    return Watch(**{"id": "eased", "name": "Eased", "query": "topic:sanctions.eased", "severity": "high", **changes})


def article(name="a"):
    text = "Washington eased its sanctions."
    return told(name, text=text, topics=[topic(words="eased its sanctions", text=text)], story="s")


def stage(ledger):
    return WatchStage(ledger, WatchStore(ledger, parse, clock=lambda: NOON, shared=True), Engine(), clock=lambda: NOON)


def ring(url, count):
    """An alert, and `count` deliveries that wait for the channel "hook"."""
    with opened(url) as ledger:
        WatchStore(ledger, parse).put(watch(channels=("hook",)), by="Ana")
        stage(ledger).handle([article()])
        with ledger.begin() as transaction:
            (one,) = transaction.execute(select(tables.deliveries).where(rows.channel == "hook")).all()
            values = one._mapping
            more = [{**values, "id": f"{number:04}"} for number in range(count - 1)]
            if more:
                transaction.execute(insert(tables.deliveries), more)
        return one.alert


class Receiver:
    """A channel that notes what it gets; each `fails`-th answer is lost on its way."""

    def __init__(self, fails=0):
        self.got, self._fails = [], fails

    async def send(self, message):
        self.got.append(message.id)
        await asyncio.sleep(0)
        if self._fails and len(self.got) % self._fails == 0:
            raise Retry("the receiver is away")
        return "accepted"


def states(url):
    with opened(url) as ledger, ledger.read() as connection:
        query = select(rows.state, func.count().label("number")).where(rows.channel == "hook").group_by(rows.state)
        return {row.state: row.number for row in connection.execute(query)}


def test_four_deliverers_send_five_hundred_deliveries_once_each(url):
    ring(url, 500)
    receiver = Receiver()

    def deliver(ledger, _number):
        return asyncio.run(Deliverer(ledger, {"hook": receiver}, clock=lambda: NOON, shared=True).step())

    tried = at_once(url, 4, deliver)
    assert sum(tried) == 500
    assert set(Counter(receiver.got).values()) == {1}
    assert states(url) == {"sent": 500}


def test_what_is_being_sent_is_not_due_for_others_however_short_the_pause(url):
    ring(url, 1)
    settings, at = DeliverySettings(first_pause_seconds=1, claim_seconds=120), to_ms(NOON)

    def taken(ledger, seconds):
        return outbox.take(ledger, "hook", at + seconds * 1000, settings, lambda _attempt: 1.0, shared=True)

    with opened(url) as one, opened(url) as two:
        due = taken(one, 0)
        assert taken(two, 60) is None
        outbox.put_off(one, due.id, "away", due.planned_ms)
        assert taken(two, 60).attempt == 2
        outbox.sent(two, due.id, "accepted", at)
        outbox.failed(one, due.id, "too late to say so")
        assert states(url) == {"sent": 1}


def test_nothing_goes_out_once_holding_was_acknowledged(url):
    ring(url, 300)
    receiver = Receiver()

    def work(ledger, number):
        if not number:
            outbox.hold(ledger, by="Ana", clock=lambda: NOON)
            return len(receiver.got)
        asyncio.run(Deliverer(ledger, {"hook": receiver}, clock=lambda: NOON, shared=True).step())
        return None

    by_then, *_ = at_once(url, 3, work)
    found = states(url)
    assert len(receiver.got) <= by_then + 2  # those that were on their way
    assert found == {name: n for name, n in (("sent", len(receiver.got)), ("held", 300 - len(receiver.got))) if n}
    released = at_once(url, 2, lambda ledger, _number: outbox.release(ledger, by="Ana", clock=lambda: NOON))
    assert sum(released) == found.get("held", 0)


def test_one_batch_that_comes_to_two_processes_rings_once(url):
    with opened(url) as ledger:
        WatchStore(ledger, parse).put(watch(channels=("hook",)), by="Ana")
    counts = at_once(url, 4, lambda ledger, _number: stage(ledger).handle([article(), article("b")]))
    assert sum(count.events.get("rang", 0) for count in counts) == 1
    assert sum(count.deliveries for count in counts) == 2  # the page and the hook
    assert states(url) == {"waiting": 1}


def test_two_people_who_acknowledge_at_once_are_one_event(url):
    alert = ring(url, 1)
    done = at_once(
        url, 4, lambda ledger, number: acts.act(ledger, alert, "acknowledged", by=f"Ana {number}", clock=lambda: NOON)
    )
    assert {one.state for one in done} == {"acknowledged"}
    with opened(url) as ledger, ledger.read() as connection:
        kinds = connection.execute(select(tables.alert_events.c.kind).order_by(tables.alert_events.c.number)).scalars()
        assert list(kinds).count("acknowledged") == 1


def test_a_watch_that_another_process_made_rings_here(url):
    with opened(url) as one, opened(url) as two:
        here = stage(one)
        assert here.handle([article()]).events == {}
        WatchStore(two, parse).put(watch(), by="Ana")
        until = asyncio.run(_rings(here))
        assert until["rang"] == 1


async def _rings(here):
    """It looks for changes once a second."""
    for number in range(40):
        if events := here.handle([article(f"later-{number}")]).events:
            return events
        await asyncio.sleep(0.25)
    raise AssertionError("the watch was not seen")


def test_two_who_change_a_watch_at_once_make_two_versions(url):
    def change(ledger, number):
        return WatchStore(ledger, parse, shared=True).put(watch(name=f"Name {number}"), by=f"Ana {number}").version

    assert sorted(at_once(url, 5, change)) == [1, 2, 3, 4, 5]


def test_a_store_that_is_alone_asks_nobody(url):
    with opened(url) as one, opened(url) as two:
        alone = WatchStore(one, parse)
        assert alone.listing() == []
        WatchStore(two, parse).put(watch(), by="Ana")
        assert (alone.revision, alone.listing()) == (0, [])


def test_several_beat_at_once(url):
    def beat(ledger, _number):
        return asyncio.run(Heartbeat(ledger, None, lambda: "", clock=lambda: NOON).beat())

    assert at_once(url, 4, beat) == [""] * 4
    with opened(url) as ledger, ledger.begin() as transaction:
        changed = transaction.execute(update(tables.facts).where(tables.facts.c.name == "heartbeat").values(at=1))
        assert changed.rowcount == 1
