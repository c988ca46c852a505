"""What tests of one poll share: a site and the stage."""

import asyncio

from feeds_kit import (
    rss,
    stage,
)
from fetch_server import answer, serving
from pages_kit import Time


def xml(*items, **headers):
    return answer(rss(*items), content_type="application/rss+xml", **headers)


def scene(folder, play, answers=None, **rest):
    """Plays `play(site, tools, time, url)` with a site and the stage."""

    async def run():
        time = Time()
        async with serving(answers or {}) as site, stage(folder, time, **rest) as tools:
            await play(site, tools, time, site.url("/feed"))

    asyncio.run(run())
