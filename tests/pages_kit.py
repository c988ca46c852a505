"""What tests of the extract stage share: entries, a clock, a plain reader of pages, and the stage put together."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from ingest import wire
from ingest.archive import Archive
from ingest.article import Article
from ingest.entry import Entry, Origin
from ingest.fetch import Fetcher, FetchSettings, Politeness, Robots
from ingest.identity import digest
from ingest.ledger import Ledger
from ingest.ledger.tables import feeds, stream
from ingest.ledger.tables.articles import articles
from ingest.pages import PAGE_JOB, PageSettings, Tools, run_pages
from ingest.queue import admit, waiting

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Time:
    """A clock that tests move."""

    def __init__(self, value=START):
        self.value = value

    def __call__(self):
        return self.value

    def pass_(self, **parts):
        self.value += timedelta(**parts)


def entry(url, *, feed="feed-a", title="A title", summary="", content="", seen=START, version="1", guid=None, **rest):
    return Entry(
        id=digest(feed, guid or url),
        feed=feed,
        source="The Outlet",
        link=url,
        url=url,
        title=title,
        summary=summary,
        content=content,
        content_hash=digest(title, summary, content, version),
        origin=rest.pop("origin", Origin.LIVE),
        seen=seen,
        **rest,
    )


def page(title, text, canonical="", copy_at=""):
    links = f'<link rel="canonical" href="{canonical}">' if canonical else ""
    links += f'<link rel="copy" href="{copy_at}">' if copy_at else ""
    return f"<html><head><title>{title}</title>{links}</head><body><article>{text}</article></body></html>".encode()


@dataclass(frozen=True)
class Said:
    title: str
    text: str
    title_source: str = "title"
    language: str = "en"
    published: object = None
    modified: object = None
    authors: tuple = ()
    canonical: str = ""
    copy_at: str = ""
    path: str = "cut"
    flags: tuple = ()


@dataclass(frozen=True)
class Done:
    value: object


@dataclass(frozen=True)
class Failed:
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Died:
    reason: str


def first(pattern, text):
    found = re.search(pattern, text, re.S)
    return found[1] if found else ""


def read_page(capture):
    html = capture.body.decode()
    if "RAISE" in html:
        return Failed("ValueError: cannot read this", "Traceback ...")
    return Done(
        Said(
            title=first("<title>(.*?)</title>", html),
            text=first("<article>(.*?)</article>", html),
            canonical=first('rel="canonical" href="(.*?)"', html),
            copy_at=first('rel="copy" href="(.*?)"', html),
        )
    )


def read_entry(told):
    text = told.content or told.summary
    return Done(Said(title=told.title, text=text, path="feed:content" if told.content else "feed:summary"))


@dataclass
class Reader:
    """Stands where the pool of children stands, in this process; a page with the word DEADLY kills whoever reads it."""

    alone: list = field(default_factory=list)
    messages: list = field(default_factory=list)

    async def run(self, job, items, before_alone=None):
        await asyncio.sleep(0)
        if job != PAGE_JOB:
            return [read_entry(item) for item in items]
        self.messages.append(len(items))
        deadly = [b"DEADLY" in item.body for item in items]
        if any(deadly) and len(items) > 1 and before_alone:
            for index in range(len(items)):
                self.alone.append(items[index].url)
                before_alone(index)
        return [Died("out of memory") if dies else read_page(item) for item, dies in zip(items, deadly, strict=True)]


@asynccontextmanager
async def stage(folder, time=None, *, fetching=None, settings=None, children=None):
    """The parts of the stage over a folder, with loopback allowed."""
    time = time or Time()
    fetching = fetching or FetchSettings(allow_loopback=True)
    ledger = Ledger.open(folder / "ledger.sqlite", clock=time)
    archive = Archive(folder / "archive", time)
    try:
        async with Fetcher(fetching, clock=time) as fetcher:
            yield Tools(
                ledger=ledger,
                fetcher=fetcher,
                robots=Robots(ledger, fetching, time),
                politeness=Politeness(ledger, fetching, time),
                children=children or Reader(),
                archive=archive,
                send=ledger.publish,
                clean=lambda url: url.split("#")[0],
                page=lambda capture, told: capture,
                clock=time,
                random=lambda: 0.5,
                settings=settings or PageSettings(look_again_seconds=0.05),
            )
    finally:
        archive.close()
        ledger.close()


def put(tools, *entries):
    with tools.ledger.begin() as tx:
        return admit(tx, entries, tools.now())


async def drain(tools, progress=None):
    """Runs the stage until nothing is due now."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_pages(tools, stop, progress=progress))
    async with asyncio.timeout(20):
        while not task.done():
            left = await asyncio.to_thread(waiting, tools.ledger, tools.now())
            if not left.leased and not left.due_now:
                break
            await asyncio.sleep(0.02)
    stop.set()
    await task


def sent(ledger):
    """The articles on the stream, in order."""
    query = (
        select(stream.records.c.value).where(stream.records.c.topic == "articles").order_by(stream.records.c.position)
    )
    with ledger.read() as connection:
        return [wire.decode(value, Article) for value in connection.execute(query).scalars()]


def fetches(ledger):
    """The queue's rows by reason and url, as (state, attempts, detail)."""
    with ledger.read() as connection:
        return connection.execute(select(feeds.fetches).order_by(feeds.fetches.c.at, feeds.fetches.c.id)).all()


def states(ledger):
    return [row.state for row in fetches(ledger)]


def article_rows(ledger):
    with ledger.read() as connection:
        return connection.execute(select(articles).order_by(articles.c.url)).all()


def again(told, **changes):
    """The same entry, told anew with `changes`."""
    changed = replace(told, **changes)
    return replace(changed, content_hash=digest(changed.title, changed.summary, changed.content, str(changes)))
