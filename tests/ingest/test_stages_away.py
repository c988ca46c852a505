"""The stages over a PostgreSQL that ends while they work: they wait, go on, and do nothing twice."""

import asyncio
from collections import Counter

import pytest
from feeds_kit import Workers, rss
from feeds_kit import item as feed_item
from fetch_server import answer, serving
from ledger_kit import opened, settings
from pages_kit import START, Reader, Time, entry, page, sent, states
from servers import fresh_database, own_server
from sqlalchemy import func, select

from ingest.archive import Archive
from ingest.feeds.collect import CollectTools, run_collect
from ingest.feeds.lists import ListedFeed
from ingest.feeds.settings import FeedSettings
from ingest.feeds.subscribe import subscribe
from ingest.fetch import Fetcher, FetchSettings, Politeness, Robots
from ingest.ledger import Ledger
from ingest.ledger.tables.feeds import entries, feeds, polls
from ingest.pages import PageSettings, Tools, run_pages
from ingest.queue import admit

pytestmark = pytest.mark.servers
HERE = FetchSettings(allow_loopback=True)
FEEDS, PAGES = 60, 150


@pytest.fixture(scope="module")
def own():
    with own_server("postgresql") as process:
        yield process


@pytest.fixture
def url(own):
    with fresh_database(own.url) as url:
        Ledger.connect(settings(url), upgraded=True).close()
        yield url
        own.start()


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


async def interrupted(own, way):
    """The server ends in the middle, stays away for a while, and comes back."""
    await asyncio.to_thread(getattr(own, way))
    await asyncio.sleep(1.0)
    await asyncio.to_thread(own.start)


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_feeds_are_polled_once_and_their_entries_told_once(own, url, way):
    async def scenario(ledger):
        answers = {f"/{n}": answer(rss(*(feed_item(f"{n}-{k}") for k in range(3)))) for n in range(FEEDS)}
        async with serving(answers) as site, Fetcher(HERE) as fetcher:
            subscribe(ledger, [ListedFeed(url=site.url(path)) for path in answers], list_name="", now=START)
            tools = CollectTools(
                ledger=ledger, fetcher=fetcher, politeness=Politeness(ledger, HERE, owner="a"), children=Workers(),
                send=ledger.publish, allow_loopback=True, shared=True, settings=FeedSettings(claim_seconds=3),
            )  # fmt: skip
            stop = asyncio.Event()
            running = asyncio.create_task(run_collect(tools, stop))
            await until(lambda: count(ledger, polls) > 5)
            await interrupted(own, way)
            await until(lambda: settled(ledger, feeds.c.last_poll) == FEEDS)
            stop.set()
            await running
            assert set(site.paths) == set(answers)
            assert count(ledger, entries) == len(sent_entries(ledger)) == len(set(sent_entries(ledger))) == 3 * FEEDS

    with opened(url) as ledger:
        asyncio.run(scenario(ledger))


def count(ledger, table):
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def settled(ledger, column):
    with ledger.read() as connection:
        return connection.execute(select(func.count()).where(column.is_not(None))).scalar_one()


def sent_entries(ledger):
    from ingest.ledger.tables.stream import records

    with ledger.read() as connection:
        return connection.execute(select(records.c.value).where(records.c.topic == "entries")).scalars().all()


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_pages_are_published_once(own, url, way, tmp_path):
    async def scenario(ledger):
        answers = {f"/{n}": answer(page(f"T{n}", f"Text {n}."), content_type="text/html") for n in range(PAGES)}
        archive = Archive(tmp_path / "archive", Time())
        async with serving(answers) as site, Fetcher(HERE) as fetcher:
            with ledger.begin() as transaction:
                admit(transaction, [entry(site.url(path)) for path in answers], START)
            tools = Tools(
                ledger=ledger, fetcher=fetcher, robots=Robots(ledger, HERE), politeness=Politeness(ledger, HERE),
                children=Reader(), archive=archive, send=ledger.publish, clean=lambda url: url,
                page=lambda capture, told: capture, settings=PageSettings(batch=8, look_again_seconds=0.05), sole=False,
            )  # fmt: skip
            stop, counts = asyncio.Event(), Counter()
            running = asyncio.create_task(run_pages(tools, stop, progress=counts.update))
            await until(lambda: counts["done"] > 20)
            await interrupted(own, way)
            await until(lambda: set(states(ledger)) == {"done"})
            stop.set()
            await running
            articles = [article.url for article in sent(ledger)]
            assert len(articles) == len(set(articles)) == PAGES
        archive.close()

    with opened(url) as ledger:
        asyncio.run(scenario(ledger))
