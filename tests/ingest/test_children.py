"""The pool of children: answers in order, deaths that harm nobody else, and nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from child_jobs import Note

from ingest.children import Children, ChildrenSettings, Died, Done, Failed
from ingest.verdict import Abort, Reject, Retry

MIB = 1024 * 1024


@asynccontextmanager
async def pool(**settings):
    """Children for the jobs of child_jobs, under two names; no settings left out here are changed."""
    jobs = {"do": "child_jobs:do", "also": "child_jobs:do", "gone": "no_such_module:do"}
    async with Children(jobs, ChildrenSettings(**settings)) as children:
        yield children


def answers(orders, before_alone=None, **settings):
    """What a pool of its own makes of the orders."""

    async def run():
        async with pool(**settings) as children:
            return await children.run("do", orders, before_alone)

    return asyncio.run(run())


def values(found):
    return [answer.value if isinstance(answer, Done) else type(answer).__name__ for answer in found]


def seven_and(order, position=3):
    orders = [("echo", number) for number in range(7)]
    orders.insert(position, order)
    return orders


def lives(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=3.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def test_every_item_is_answered_in_order():
    assert values(answers([("echo", number) for number in range(100)])) == list(range(100))


def test_no_items_need_no_child():
    assert answers([]) == []


def test_an_item_that_raises_fails_and_the_others_are_untouched():
    found = answers(seven_and(("raise", 0)))
    assert values(found) == [0, 1, 2, "Failed", 3, 4, 5, 6]
    assert found[3].reason == "IndexError: list index out of range"
    assert 'raise": lambda value: [][value]' in found[3].detail


def test_a_verdict_is_told_in_its_own_words():
    (found,) = answers([("refuse", "this is a picture\nnot a page \ud800")])
    assert found.reason == "this is a picture"
    assert found.detail.encode()  # can be stored


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (("exit", 3), "ended with status 3"),
        (("kill", 0), "was killed; the machine may be short of memory"),
        (("crash", 0), "crashed (SIGSEGV)"),
        (("swallow", 0), "needed more than 128 MiB of memory"),
        (("spin", 0), "used more than 1 s of processor time"),
    ],
)
def test_a_deadly_item_dies_alone_and_its_seven_neighbours_live(order, reason):
    alone = []
    found = answers(seven_and(order), alone.append, memory_bytes=128 * MIB, cpu_seconds=1, wall_seconds=60)
    assert values(found) == [0, 1, 2, "Died", 3, 4, 5, 6]
    assert found[3].reason == reason
    assert alone == [3]


def test_a_hanging_item_is_found_by_the_clock():
    began = time.monotonic()
    found = answers(seven_and(("sleep", 60)), wall_seconds=0.3)
    assert values(found) == [0, 1, 2, "Died", 3, 4, 5, 6]
    assert found[3].reason == "gave no answer within 0.3 s"
    assert time.monotonic() - began < 10


def test_a_long_message_of_quick_items_is_no_hang():
    found = answers([("sleep", 0.1)] * 8, wall_seconds=0.5, count=1)
    assert values(found) == [None] * 8


def test_the_processor_limit_holds_for_each_item_and_not_for_the_life_of_a_child():
    found = answers([("burn", 0.4)] * 6, cpu_seconds=1, wall_seconds=60, count=1)
    assert values(found) == [None] * 6


def test_all_items_may_be_deadly():
    alone = []
    found = answers([("exit", number) for number in range(4)], alone.append)
    assert [answer.reason for answer in found] == [f"ended with status {number}" for number in range(4)]
    assert sorted(alone) == [0, 1, 2, 3]


def test_an_item_whose_attempts_are_used_up_is_not_tried_again(tmp_path):
    def count(number):
        raise Reject(f"died 3 times at item {number}")

    log = tmp_path / "log"
    found = answers([("log", str(log)), ("kill", 0)], count, count=1)
    assert found[1] == Failed(reason="died 3 times at item 1")
    assert len(log.read_text().splitlines()) == 1


def test_what_else_the_counting_raises_ends_the_run_and_not_the_pool():
    def count(number):
        raise Abort("the disk is full")

    async def run():
        async with pool() as children:
            with pytest.raises(Abort, match="disk is full"):
                await children.run("do", [("kill", 0), ("echo", 1)], count)
            return await children.run("do", [("echo", 1)])

    assert asyncio.run(run()) == [Done(value=1)]


def test_a_single_item_that_dies_is_not_tried_again_in_the_same_run():
    alone = []
    assert answers([("exit", 5)], alone.append) == [Died(reason="ended with status 5")]
    assert alone == []


def test_a_worn_child_is_not_held_against_a_single_item():
    async def run():
        async with pool(count=1) as children:
            await children.run("do", [("echo", 0)])
            return await children.run("do", [("exit_if_worn", 0)])

    assert asyncio.run(run()) == [Done(value="fresh")]


def test_a_suspect_is_tried_in_a_fresh_child():
    found = answers([("echo", 0), ("kill", 0), ("calls", 0)], count=1)
    assert values(found) == [0, "Died", 1]


def test_children_are_kept_warm_and_replaced_after_enough_items():
    async def run():
        async with pool(count=1, recycle_items=20) as children:
            return [values(await children.run("do", [("pid", 0)] * 10)) for _ in range(4)]

    first, second, third, fourth = ({*pids} for pids in asyncio.run(run()))
    assert first == second
    assert third == fourth
    assert first != third


def test_records_of_the_job_come_back_and_other_objects_do_not():
    record, trap, function = answers([("note", "said"), ("trap", 0), ("unpicklable", 0)])
    assert record == Done(value=Note("said"))
    assert trap == Failed(reason="an answer may hold plain values and our own records only, not posix.system")
    assert isinstance(function, Failed)


def test_an_answer_over_the_limit_is_a_failure_that_names_the_setting():
    found = answers([("big", 3 * MIB), ("big", MIB)], answer_bytes=2 * MIB)
    assert "children.answer_bytes" in found[0].reason
    assert len(found[1].value) == MIB


def test_large_items_and_answers_pass():
    large = b"x" * (9 * MIB)
    assert answers([("echo", large)] * 3) == [Done(value=large)] * 3


def test_what_a_library_prints_does_not_disturb_the_answers():
    assert values(answers([("print", "hello"), ("echo", 1)])) == [None, 1]


def test_a_child_reaches_no_network_and_starts_no_process():
    found = answers([("connect", 9), ("start", 0)])
    assert all("a child has no network and starts no process" in answer.reason for answer in found)


def test_a_job_that_cannot_be_imported_stops_the_run_with_its_reason():
    async def run():
        async with pool() as children:
            with pytest.raises(Abort, match=r"no_such_module:do.*ModuleNotFoundError"):
                await children.run("gone", [1, 2])
            return await children.run("do", [("echo", 1)])

    assert asyncio.run(run()) == [Done(value=1)]


def test_many_runs_at_once_each_get_their_own_answers():
    async def run():
        async with pool() as children:
            return await asyncio.gather(
                *(
                    children.run(job, [("echo", (job, n, m)) for m in range(n)])
                    for n in range(30)
                    for job in ("do", "also")
                )
            )

    found = [values(each) for each in asyncio.run(run())]
    assert found == [[(job, n, m) for m in range(n)] for n in range(30) for job in ("do", "also")]


def test_a_long_batch_of_one_job_does_not_hold_up_another():
    async def run():
        async with pool(count=1) as children:
            long = asyncio.create_task(children.run("do", [("sleep", 0.02)] * 100))
            await asyncio.sleep(0.1)
            await children.run("also", [("echo", 1)] * 20)
            waiting = not long.done()
            await long
            return waiting

    assert asyncio.run(run())


def test_seconds_of_processor_time_are_counted_by_job():
    async def run():
        async with pool() as children:
            await children.run("do", [("burn", 0.2)] * 2)
            return children.usage()

    usage = asyncio.run(run())
    assert 0.4 <= usage["do"] < 2
    assert usage["also"] == 0


def test_closing_is_quick_whatever_the_children_do():
    async def run():
        async with pool(count=2) as children:
            (first,) = await children.run("do", [("pid", 0)])
            busy = asyncio.create_task(children.run("do", [("spin", 0)] * 20))
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await children.close()
            took = time.monotonic() - began
            with pytest.raises(Retry):
                await busy
            with pytest.raises(Retry):
                await children.run("do", [("echo", 1)])
            return first.value, took

    pid, took = asyncio.run(run())
    assert took < 2
    assert not lives(pid)


def test_a_cancelled_run_leaves_no_work_behind(tmp_path):
    log = tmp_path / "log"

    async def run():
        async with pool(count=1) as children:
            long = asyncio.create_task(children.run("do", [("sleep", 0.05), ("log", str(log))] * 50))
            await asyncio.sleep(0.3)
            long.cancel()
            with pytest.raises(asyncio.CancelledError):
                await long
            assert await children.run("do", [("echo", 1)]) == [Done(value=1)]

    asyncio.run(run())
    assert len(log.read_text().splitlines()) < 10


def test_children_do_not_end_by_the_signals_that_a_service_manager_sends_to_all():
    async def run():
        async with pool(count=1) as children:
            (first,) = await children.run("do", [("pid", 0)])
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(first.value, number)
            return first, (await children.run("do", [("pid", 0)]))[0]

    first, second = asyncio.run(run())
    assert first == second


PARENT = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from ingest.children import Children, ChildrenSettings

async def main():
    async with Children({"do": "child_jobs:do"}, ChildrenSettings(count=2)) as children:
        found = await asyncio.gather(*(children.run("do", [("pid", 0), ("sleep", 0.2)]) for _ in range(2)))
        print(*{answers[0].value for answers in found}, flush=True)
        await children.run("do", [("sleep", 60), ("spin", 0), ("sleep", 60), ("spin", 0)])

asyncio.run(main())
"""


def test_no_child_outlives_a_parent_that_was_killed():
    tests = str(Path(__file__).parents[1])
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tests], stdout=subprocess.PIPE, text=True)
    with parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(lives(pid) for pid in pids)
        time.sleep(0.1)  # both are at work
        parent.kill()
    wait_until(lambda: not any(lives(pid) for pid in pids))


@pytest.mark.parametrize(
    "wrong", [{"count": -1}, {"message_items": 0}, {"wall_seconds": 0}, {"memory_bytes": 1024}, {"recycle_items": 0}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ChildrenSettings(**wrong)
