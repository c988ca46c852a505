import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.stream.embedded import EmbeddedStream
from flows.worker import Unfit, Worker
from ingest import wire
from ingest.ledger import Ledger
from ingest.rejected import listing, retry, show
from ingest.verdict import Abort, Reject, Retry


@dataclass(frozen=True, kw_only=True)
class Word:
    text: str


class Shout:
    """A small real stage: words in, loud words out; some words hurt it."""

    name, reads, writes, kind, batch, part = "shout", "words", "loud", Word, 4, "rows"

    def __init__(self):
        self.waits = 0

    async def prepare(self, records, alone):
        return [Unfit("too quiet") if record.text == "hush" else record for record in records]

    def apply(self, transaction, ready):
        for record in ready:
            if record.text == "never":
                raise Reject("this word never")
            if record.text == "broken":
                raise KeyError("broken")
            if record.text == "later" and self.waits == 0:
                self.waits += 1
                raise Retry("not yet", after_seconds=0.01)
            if record.text == "stop":
                raise Abort("the stage cannot go on")
        return [(record.text, record.text.upper().encode()) for record in ready]


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


def run(ledger, words, steps=8):
    stream = EmbeddedStream(ledger)
    stream.send("words", [(word, wire.encode(Word(text=word))) for word in words])
    worker = Worker(Shout(), stream, ledger)
    worker.start()

    async def drain():
        for _ in range(steps):
            await worker.step()

    asyncio.run(drain())
    return [record.value.decode() for record in stream.read("test", "loud", 99)], worker


def test_every_record_goes_through_in_order(ledger):
    said, worker = run(ledger, ["a", "b", "c", "d", "e", "f"])
    assert said == ["A", "B", "C", "D", "E", "F"]
    assert (worker.done, worker.rejected) == (6, 0)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [("hush", "too quiet"), ("never", "this word never"), ("broken", "KeyError: 'broken'")],
)
def test_one_bad_record_is_kept_with_its_reason_and_its_neighbours_go_on(ledger, bad, reason):
    said, _ = run(ledger, ["a", bad, "c", "d"])
    assert said == ["A", "C", "D"]
    (kept,) = listing(ledger, 10)
    assert kept.reason == reason
    assert show(ledger, kept.id).data == wire.encode(Word(text=bad))


def test_a_rejected_record_that_goes_through_when_retried_is_resolved(ledger):
    class Mended(Shout):
        async def prepare(self, records, alone):
            return records

    run(ledger, ["a", "hush", "c"])
    (kept,) = listing(ledger, 10)
    retry(ledger, kept.id, datetime.now(UTC))
    worker = Worker(Mended(), EmbeddedStream(ledger), ledger)
    worker.start()
    asyncio.run(worker.step())
    assert listing(ledger, 10, "retried") == []
    (kept,) = listing(ledger, 10, "resolved")
    assert kept.record == "hush"


def test_effects_are_settled_once_however_often_their_transaction_was_tried(ledger):
    settled = []
    stream = EmbeddedStream(ledger)
    stream.send("words", [(word, wire.encode(Word(text=word))) for word in ("a", "later", "never", "d")])
    stage = Shout()
    worker = Worker(stage, stream, ledger, settled=lambda: settled.append(stage.waits))
    worker.start()

    async def drain():
        for _ in range(4):
            await worker.step()

    asyncio.run(drain())
    assert settled == [1, 1, 1]  # after the wait: "a", "later" and "d" alone, as "never" spoils the batch


def test_bytes_that_are_no_record_are_rejected(ledger):
    stream = EmbeddedStream(ledger)
    stream.send("words", [("x", b"not json"), ("y", wire.encode(Word(text="y")))])
    said, _ = run(ledger, ["z"])
    assert said == ["Y", "Z"]
    assert listing(ledger, 10)[0].reason.startswith("not a Word")


def test_a_stage_that_must_wait_loses_nothing_and_repeats_nothing(ledger):
    said, worker = run(ledger, ["a", "later", "c"])
    assert said == ["A", "LATER", "C"]
    assert worker.rejected == 0


def test_an_abort_stops_the_worker_and_nothing_is_committed(ledger):
    with pytest.raises(Abort):
        run(ledger, ["a", "stop"])
    assert EmbeddedStream(ledger).lag("shout", "words") == 2


DYING = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from dataclasses import dataclass
    from flows.stream.embedded import EmbeddedStream
    from flows.worker import Worker
    from ingest.ledger import Ledger

    @dataclass(frozen=True, kw_only=True)
    class Word:
        text: str

    class Shout:
        name, reads, writes, kind, batch, part = "shout", "words", "loud", Word, 4, "rows"
        async def prepare(self, records, alone):
            return records
        def apply(self, transaction, ready):
            if any(record.text == "deadly" for record in ready):
                os.kill(os.getpid(), signal.SIGKILL)
            return [(record.text, record.text.upper().encode()) for record in ready]

    async def main():
        ledger = Ledger.open(Path(sys.argv[1]))
        worker = Worker(Shout(), EmbeddedStream(ledger), ledger)
        worker.start()
        while await worker.step():
            pass
        worker.stop()

    asyncio.run(main())
"""


@pytest.mark.file
def test_a_record_that_kills_the_worker_is_set_aside_after_three_deaths_alone(ledger, tmp_path):
    stream = EmbeddedStream(ledger)
    stream.send("words", [(word, wire.encode(Word(text=word))) for word in ("a", "b", "deadly", "d", "e")])
    script = tmp_path / "dying.py"
    script.write_text(textwrap.dedent(DYING), encoding="utf-8")
    codes = []
    while not codes or codes[-1]:
        assert len(codes) < 6
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        ended = subprocess.run([sys.executable, str(script), str(tmp_path / "ledger.db")], env=environment, check=False)
        codes.append(ended.returncode)
    assert codes == [-signal.SIGKILL] * 4 + [0]  # once in a batch, three times alone
    assert [record.value for record in stream.read("test", "loud", 99)] == [b"A", b"B", b"D", b"E"]
    (kept,) = listing(ledger, 10)
    assert kept.reason == "died 3 times while working on it alone"
    assert show(ledger, kept.id).data == wire.encode(Word(text="deadly"))
