import asyncio
import os
import signal

import pytest

from flows.supervise import Bell, Service, run_until, surviving, under_lease
from ingest.ledger import Ledger
from ingest.ledger.leases import Lease
from ingest.verdict import Abort, Retry


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


def test_who_loses_a_server_lets_go_of_what_it_reads_before_another_may_take_the_lease(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    lease, other = (Lease(ledger, "stories", name) for name in ("one", "other"))
    seen = []

    async def fail(stop):
        raise Retry("the ledger is away")

    with pytest.raises(Retry):
        asyncio.run(
            under_lease(Service("stories", fail), lease, lambda: seen.append(other.take())).run(asyncio.Event())
        )
    assert seen == [False]
    assert other.take()
    ledger.close()


def test_that_a_service_waits_is_said_once_in_a_while_and_not_each_time_that_it_tries(monkeypatch, caplog):
    tries = []
    monkeypatch.setattr("flows.supervise.AGAIN_SECONDS", 0.01)

    async def fail(stop):
        tries.append(len(tries))
        if len(tries) == 5:
            stop.set()
        raise Retry("the brokers are away")

    asyncio.run(surviving(Service("enrich", fail), 60).run(asyncio.Event()))
    assert len(tries) == 5
    assert [record.message for record in caplog.records] == ["service waits"]
