"""What a stage does while something that it needs is away: another takes over, or it waits and loses nothing."""

import asyncio
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from building import told
from fleet_kit import Fleet, each
from hook_kit import SETTINGS, receiver, watched
from route_kit import bundled_newsroom
from servers import own_server, server
from servers_route_kit import deployment, tenant
from sqlalchemy import func, select
from stream_kit import eventually, own_topics

from enrich.article import ToldArticle
from flows.assembly import assembled
from flows.demo.stock import stock
from flows.home import Home
from flows.opening import open_stream, owning
from flows.settings import Settings
from ingest import wire
from ingest.ledger import Ledger
from ingest.ledger.leases import standing
from ingest.ledger.settings import LedgerSettings
from ingest.ledger.tables import stories as tables
from search.index.settings import IndexSettings

pytestmark = pytest.mark.servers

FIRST_SECOND, LAST_SECOND = 20, 200  # of the bundled newsroom: when some of it is published, and all
IMPATIENT = {"TOCSIN__LEDGER__WAIT_SECONDS": "20", "TOCSIN__STREAM__WAIT_SECONDS": "20"}


def enriched(*names):
    """Records for the topic of the stories stage, each a text of its own."""
    records = [told(name, title=f"Title {name}", text=f"Text of {name}.").enriched for name in names]
    return [(record.key, wire.encode(record)) for record in records]


def assigned(ledger):
    """How many articles stand in stories."""
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.members)).scalar_one()


def holder(fleet, ledger):
    """The process that holds the lease of the stories stage, "" while none does."""
    with ledger.read() as connection:
        who, _until = standing(connection).get("stories", ("::", 0))
    pid = who.split(":")[1]
    return fleet.name_of(int(pid)) if pid else ""


@pytest.mark.timeout(600)
def test_stories_are_told_by_one_process_and_by_the_next_when_that_is_killed(tmp_path):
    before, after = [f"a{number}" for number in range(40)], [f"b{number}" for number in range(40)]
    with (
        tenant(tmp_path / "home") as made,
        made.ledger() as ledger,
        closing(open_stream(made.settings, ledger)) as stream,
        Fleet(made, {"stories": 2}, again=False) as fleet,
    ):
        stream.send("enriched", enriched(*before))
        eventually(lambda: assigned(ledger) == len(before), 120)
        first = holder(fleet, ledger)
        fleet.kill(first)
        killed = time.monotonic()
        stream.send("enriched", enriched(*after))
        eventually(lambda: assigned(ledger) > len(before), 120)
        print(f"taken over after {time.monotonic() - killed:.1f} s")
        assert {first, holder(fleet, ledger)} == {"stories-1", "stories-2"}
        eventually(lambda: told_articles(stream) == {*before, *after}, 120)


def told_articles(stream):
    """Articles that the index has not got; a record on its way to the brokers may be seen twice."""
    waiting = list(stream.waiting("index", "told"))
    return {wire.decode(record.value, ToldArticle).enriched.article.id for record in waiting}


def test_a_process_that_starts_or_ends_while_the_ledger_is_away_goes_on(tmp_path):
    with own_server("postgresql") as postgresql, own_topics(server("kafka").url) as stream:
        settings = Settings(
            ledger=LedgerSettings(url=postgresql.url),
            stream=stream,
            index=IndexSettings(url="http://127.0.0.1:9"),  # nobody asks it here
        )
        Ledger.connect(settings.ledger, upgraded=True).close()
        with owning(Home(tmp_path), settings=settings) as parts:

            async def start_and_end():
                async with assembled(parts) as assembly:
                    await asyncio.to_thread(postgresql.start)
                    assert assembly.politeness.take("news.example") == 0
                    await asyncio.to_thread(postgresql.stop)

            postgresql.stop()
            asyncio.run(start_and_end())


class Schedule:
    """A clock of the bundled newsroom that tests move, so that a slow machine misses nothing."""

    def __init__(self):
        self.opened, self.second = datetime.now(UTC) - timedelta(minutes=5), 0.0

    def __call__(self):
        return self.opened + timedelta(seconds=self.second)


def read_while_the_index_is_away(folder, *, seconds, **environment):
    """Alerts ring while the index is away, no process gives up, and then the index has everything."""
    schedule = Schedule()
    schedule.second = FIRST_SECOND
    with (
        bundled_newsroom(opened=schedule.opened, clock=schedule) as demo,
        receiver() as (port, received),
        deployment(folder / "home", settings=SETTINGS.format(port=port), **environment) as made,
    ):
        made.tocsin("watch", "add", str(watched(folder)))
        made.tocsin("feeds", "add", demo.feeds_url, "--allow-loopback")
        with Fleet(made, each(1)) as fleet:
            eventually(made.found, 600, every=3)
            made.elasticsearch.stop()
            stopped, heard = time.monotonic(), len(received)
            schedule.second = LAST_SECOND
            eventually(lambda: len(received) > heard and time.monotonic() - stopped > seconds, seconds + 600, every=1)
            print(f"{len(received) - heard} messages came while the index was away")
            made.elasticsearch.start()
            wanted = {article.path for article in stock()}
            eventually(lambda: {row["url"].removeprefix(demo.base) for row in made.found()} == wanted, 900, every=3)
            made.wait(lambda left: left.soon == 0 and left.deliveries_later == 0, seconds=900)
            assert fleet.starts == len(fleet.names), fleet.said("index-1")[-3000:]
        doctor = made.doctor()
        assert "exit code 0" in doctor, doctor


@pytest.mark.timeout(1500)
def test_alerts_ring_while_the_index_is_away_and_it_has_everything_when_it_is_back(tmp_path):
    read_while_the_index_is_away(tmp_path, seconds=40, **IMPATIENT)


@pytest.mark.prove
@pytest.mark.timeout(3000)
def test_the_same_where_it_is_away_for_ten_minutes(tmp_path):
    read_while_the_index_is_away(tmp_path, seconds=600)
