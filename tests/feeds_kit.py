"""What tests of the collect stage share: documents, the stage put together, and the ledger read back."""

import asyncio
import importlib
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import cache
from xml.sax.saxutils import escape

from pages_kit import START, Time
from sqlalchemy import select, update

from ingest import wire
from ingest.entry import Entry
from ingest.feeds import JOBS, FeedBody
from ingest.feeds.collect import CollectTools, poll
from ingest.feeds.lists import ListedFeed
from ingest.feeds.parse import parse
from ingest.feeds.settings import FeedSettings
from ingest.feeds.subscribe import feed_id, subscribe
from ingest.fetch import Fetcher, FetchSettings, Politeness
from ingest.ledger import Ledger
from ingest.ledger.tables import feeds as tables
from ingest.ledger.tables import stream

URL = "http://feeds.example.org/news/feed.xml"


def item(number, *, title=None, link=None, guid=None, date=None, extra=""):
    """One item of RSS; `date` is a time, or text as it stands."""
    link = f"https://example.org/a/{number}" if link is None else link
    written = date if isinstance(date, str) else format_datetime(date) if date else ""
    return (
        "<item>"
        f"<title>{escape(title or f'Title {number}')}</title>"
        + (f"<link>{escape(link)}</link>" if link else "")
        + (f'<guid isPermaLink="false">{escape(guid)}</guid>' if guid else "")
        + (f"<pubDate>{written}</pubDate>" if written else "")
        + f"{extra}</item>"
    )


def rss(*items, title="The Outlet", link="https://example.org/", head=""):
    items = "".join(item(one) if isinstance(one, int) else one for one in items)
    text = f"<title>{escape(title)}</title><link>{link}</link><description>d</description>{head}{items}"
    return f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>{text}</channel></rss>'.encode()


def parsed(body, **changes):
    """The body as it is parsed in a child, in this process."""
    body = body.encode() if isinstance(body, str) else body
    return parse(FeedBody(**{"feed": "f", "url": URL, "body": body, "now": START, **changes}))


@dataclass(frozen=True)
class Done:
    value: object


@dataclass(frozen=True)
class Failed:
    reason: str
    detail: str = ""


@cache
def _workers():
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _compute(job, item):
    try:
        module, _, name = JOBS[job].partition(":")
        return Done(getattr(importlib.import_module(module), name)(item))
    except Exception as error:  # noqa: BLE001 - as the pool of children does
        return Failed(f"{type(error).__name__}: {error}", "Traceback ...")


class Workers:
    """Runs the real jobs in one real process, kept for all tests."""

    async def run(self, job, items, before_alone=None):
        loop = asyncio.get_running_loop()
        return [await loop.run_in_executor(_workers(), _compute, job, item) for item in items]


def parse_or_die(body):
    """The job of a child that ends with its process on a body that says DEADLY."""
    if b"DEADLY" in body.body:
        os.kill(os.getpid(), signal.SIGKILL)
    return parse(body)


@asynccontextmanager
async def stage(folder, time=None, *, settings=None, children=None, send=None, allow_loopback=True, fetching=None):
    """The parts of the stage over a folder, with loopback allowed to the fetcher."""
    time = time or Time()
    fetching = fetching or FetchSettings(allow_loopback=True)
    ledger = Ledger.open(folder / "ledger.sqlite", clock=time)
    try:
        async with Fetcher(fetching, clock=time) as fetcher:
            yield CollectTools(
                ledger=ledger,
                fetcher=fetcher,
                politeness=Politeness(ledger, fetching, time),
                children=children or Workers(),
                send=send or ledger.publish,
                clock=time,
                random=lambda: 0.5,
                settings=settings or FeedSettings(look_again_seconds=0.05),
                allow_loopback=allow_loopback,
            )
    finally:
        ledger.close()


def listed(tools, *urls, list_name="", **rest):
    feeds = [ListedFeed(url=url, **rest) for url in urls]
    return subscribe(tools.ledger, feeds, list_name=list_name, now=tools.clock())


def row(tools, url):
    with tools.ledger.read() as connection:
        return connection.execute(select(tables.feeds).where(tables.feeds.c.id == feed_id(url))).one()


async def polled(tools, url):
    """Polls one feed, listed where it is not; gives the word for it."""
    with tools.ledger.read() as connection:
        known = connection.execute(select(tables.feeds.c.id)).scalars().all()
    if feed_id(url) not in known:
        listed(tools, url)
    return await poll(row(tools, url), tools)


def change(tools, url, **values):
    with tools.ledger.begin() as tx:
        tx.execute(update(tables.feeds).where(tables.feeds.c.id == feed_id(url)).values(values))


def sent(tools):
    """The entries on the stream, in order."""
    columns = stream.records.c
    query = select(columns.value).where(columns.topic == "entries").order_by(columns.position)
    with tools.ledger.read() as connection:
        return [wire.decode(value, Entry) for value in connection.execute(query).scalars()]


def titles(tools):
    return [entry.title for entry in sent(tools)]


def poll_rows(tools):
    with tools.ledger.read() as connection:
        return connection.execute(select(tables.polls).order_by(tables.polls.c.id)).all()


def entry_rows(tools):
    with tools.ledger.read() as connection:
        return connection.execute(select(tables.entries).order_by(tables.entries.c.link)).all()


def seconds_to_next(tools, url):
    found = row(tools, url)
    return (found.next_poll - found.last_poll) / 1000


def hours(count):
    return timedelta(hours=count)
