import asyncio
import os
import signal

import pytest

from flows.supervise import Bell, Service, run_until
from ingest.verdict import Abort


def ticking(counts, name):
    async def run(stop):
        while not stop.is_set():
            counts[name] = counts.get(name, 0) + 1
            await asyncio.sleep(0.01)
        counts[name + " ended"] = 1

    return Service(name, run)


def test_services_run_together_until_the_work_is_done():
    counts = {}

    async def done():
        return counts.get("a", 0) > 3 and counts.get("b", 0) > 3

    asyncio.run(run_until([ticking(counts, "a"), ticking(counts, "b")], done))
    assert counts["a ended"] == counts["b ended"] == 1


def test_one_that_cannot_go_on_stops_all_and_says_why():
    counts = {}

    async def fail(stop):
        await asyncio.sleep(0.02)
        raise Abort("the disk is full")

    with pytest.raises(Abort, match="the disk is full"):
        asyncio.run(run_until([ticking(counts, "a"), Service("b", fail)]))
    assert counts["a ended"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly(number):
    counts = {}

    async def kill(stop):
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), number)
        await stop.wait()

    asyncio.run(run_until([ticking(counts, "a"), Service("kill", kill)]))
    assert counts["a ended"] == 1


def test_the_bell_wakes_whoever_waits_for_a_topic():
    async def main():
        bell = Bell(asyncio.get_running_loop())
        await asyncio.to_thread(bell.ring, ["told"])
        await asyncio.wait_for(bell.event("told").wait(), 1)
        return bell.event("entries").is_set()

    assert asyncio.run(main()) is False
