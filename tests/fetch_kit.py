"""What tests of the fetcher share: a site, and what a fetch of it gives."""

import asyncio
from datetime import UTC, datetime

from fetch_server import serving

from ingest.fetch import Fetcher, FetchSettings

OPEN = FetchSettings(allow_loopback=True, contact="ops@desk.example")
PAGE = b"<p>Minsk frees prisoners.</p>" * 200
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def endless(writer):
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def fetched(answers, path="/", kind="page", settings=OPEN, headers=None):
    """What a fetch of `path` gives on a site with `answers`, and the site."""

    async def run():
        async with serving(answers) as site, Fetcher(settings, clock=lambda: NOON) as fetcher:
            return await fetcher.get(site.url(path), kind=kind, headers=headers), site

    return asyncio.run(run())


def posted(answers, settings=OPEN, body=b"{}"):
    async def run():
        async with serving(answers) as site, Fetcher(settings) as fetcher:
            return await fetcher.post(site.url("/"), body=body, headers={"webhook-id": "d1"}), site

    return asyncio.run(run())


async def got_from(url, settings=OPEN, kind="page", **arguments):
    async with Fetcher(settings, **arguments) as fetcher:
        return await fetcher.get(url, kind=kind)
