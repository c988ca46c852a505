import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from fetch_server import answer, redirect, serving

from ingest.fetch import Fetcher, FetchSettings, Robots
from ingest.fetch.errors import RefusedError
from ingest.fetch.robots import RobotsAwayError
from ingest.ledger import Ledger
from ingest.verdict import Retry

OPEN = FetchSettings(allow_loopback=True)
RULES = b"User-agent: *\nDisallow: /private\nCrawl-delay: 7\n\nUser-agent: Tocsin\nDisallow: /not-tocsin\n"


class Desk:
    """A site, a ledger and a clock, and the robots that know them."""

    def __init__(self, site, fetcher, ledger):
        self.site, self.fetcher, self.ledger = site, fetcher, ledger
        self.time = datetime(2026, 3, 1, tzinfo=UTC)
        self.restart()

    def restart(self):
        self.robots = Robots(self.ledger, OPEN, lambda: self.time)

    def serves(self, what):
        self.site.answers["/robots.txt"] = what

    async def allows(self, path="/news", hours=0.0):
        self.time += timedelta(hours=hours)
        return await self.robots.allows(self.fetcher, self.site.url(path))

    async def waits(self, hours=0.0):
        with pytest.raises(RobotsAwayError) as caught:
            await self.allows(hours=hours)
        return caught.value.after_seconds

    @property
    def asked(self):
        return self.site.paths.count("/robots.txt")


@asynccontextmanager
async def desk(path, what=None):
    ledger = Ledger.open(path / "ledger.sqlite")
    async with serving({"/robots.txt": what} if what is not None else {}) as site, Fetcher(OPEN) as fetcher:
        yield Desk(site, fetcher, ledger)
    ledger.close()


def test_rules_for_tocsin_go_before_rules_for_all(tmp_path):
    async def run():
        async with desk(tmp_path, answer(RULES)) as it:
            assert await it.allows("/private")
            assert not await it.allows("/not-tocsin/1")
            it.serves(answer(RULES.partition(b"\n\n")[0]))
            assert not await it.allows("/private?a=1", hours=25)
            assert it.robots.delay_seconds(it.site.url("/")) == 7.0

    asyncio.run(run())


def test_they_are_asked_for_once_a_day_and_survive_a_restart(tmp_path):
    async def run():
        async with desk(tmp_path, answer(RULES)) as it:
            for _ in range(3):
                assert await it.allows()
            it.restart()
            assert not await it.allows("/not-tocsin", hours=23)
            assert it.asked == 1
            await it.allows(hours=2)
            assert it.asked == 2

    asyncio.run(run())


def test_pages_that_ask_together_ask_once(tmp_path):
    async def run():
        async with desk(tmp_path, answer(RULES)) as it:
            await asyncio.gather(*(it.allows(f"/{number}") for number in range(9)))
            assert it.asked == 1

    asyncio.run(run())


@pytest.mark.parametrize("status", ["404 Not Found", "403 No", "401 No", "410 Gone", "204 Nothing", "302 Nowhere"])
def test_no_such_file_forbids_nothing(tmp_path, status):
    async def run():
        async with desk(tmp_path, answer(status=status)) as it:
            assert await it.allows("/private")
            it.restart()
            assert await it.allows("/private")
            assert it.asked == 1

    asyncio.run(run())


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow"])
def test_a_server_that_cannot_say_forbids_all_and_is_asked_more_and_more_rarely(tmp_path, status):
    async def run():
        async with desk(tmp_path, answer(status=status)) as it:
            assert await it.waits() == 60
            assert await it.waits() == 60
            assert it.asked == 1
            it.restart()
            assert await it.waits(hours=0.01) == pytest.approx(24)
            assert [await it.waits(hours=24) for _ in range(6)] == [240, 960, 3840, 15360, 61440, 86400]
            assert it.asked == 7
            it.serves(answer(RULES))
            assert await it.allows(hours=24)
            it.serves(answer(status=status))
            assert await it.waits(hours=25) == 60

    asyncio.run(run())


def test_away_is_a_retry(tmp_path):
    async def run():
        async with desk(tmp_path) as it:
            it.site.port = 9
            with pytest.raises(Retry) as caught:
                await it.allows()
            assert caught.value.outcome == "robots"

    asyncio.run(run())


def test_a_server_may_ask_for_more_time(tmp_path):
    async def run():
        async with desk(tmp_path, answer(status="503 Busy", retry_after="3000")) as it:
            assert await it.waits() == 3000

    asyncio.run(run())


def test_a_file_that_breaks_off_is_not_believed(tmp_path):
    async def hang_up(writer):
        writer.write(answer(RULES[:20], content_length=str(len(RULES))))
        await writer.drain()

    async def run():
        async with desk(tmp_path, hang_up) as it:
            assert await it.waits() == 60

    asyncio.run(run())


def test_a_file_over_its_limit_is_read_up_to_it(tmp_path):
    async def run():
        async with desk(tmp_path, answer(RULES + b"# long\n" * 200_000)) as it:
            assert not await it.allows("/not-tocsin")
            assert await it.allows("/news")

    asyncio.run(run())


def test_redirects_are_followed_and_a_loop_of_them_forbids_nothing(tmp_path):
    async def run():
        async with desk(tmp_path, redirect("/r2")) as it:
            it.site.answers["/r2"] = answer(RULES)
            assert not await it.allows("/not-tocsin")
            it.serves(redirect("/robots.txt"))
            assert await it.allows("/not-tocsin", hours=25)

    asyncio.run(run())


def test_what_is_no_robots_file_forbids_nothing(tmp_path):
    async def run():
        async with desk(tmp_path, answer(b"\xff\xfe<html>" + bytes(range(256)))) as it:
            assert await it.allows("/news")

    asyncio.run(run())


def test_the_guard_stands_before_robots(tmp_path):
    async def run():
        async with desk(tmp_path) as it:
            for url in ("http://10.0.0.1/", "file:///etc/passwd"):
                with pytest.raises(RefusedError):
                    await it.robots.allows(it.fetcher, url)

    asyncio.run(run())
