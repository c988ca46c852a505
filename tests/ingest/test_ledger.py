"""The ledger: what is acknowledged stays, and what it cannot do is said in words."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from sqlalchemy import func, insert, select

from ingest.ledger import Ledger
from ingest.ledger import sqlite as module
from ingest.ledger.tables.alerts import facts
from ingest.ledger.tables.stream import records
from ingest.verdict import Abort, Retry


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    opened = Ledger.open(path)
    yield opened
    opened.close()


def note(transaction, name, value="1"):
    transaction.execute(insert(facts).values(name=name, value=value, at=0))


def note_all(ledger, values):
    with ledger.begin() as transaction:
        for name, value in values.items():
            note(transaction, name, value)


def names(ledger):
    with ledger.read() as connection:
        return list(connection.execute(select(facts.c.name).order_by(facts.c.name)).scalars())


def test_a_transaction_is_whole_or_nothing(ledger):
    with ledger.begin() as transaction:
        note(transaction, "kept")
    with suppress(ZeroDivisionError), ledger.begin() as transaction:
        note(transaction, "undone")
        raise ZeroDivisionError
    assert names(ledger) == ["kept"]


def test_a_transaction_inside_another_is_undone_with_it(ledger):
    with suppress(ZeroDivisionError), ledger.begin():
        with ledger.begin() as inner:
            note(inner, "inner")
        raise ZeroDivisionError
    assert names(ledger) == []


def test_writers_of_several_threads_take_turns(ledger):
    def write(thread):
        for number in range(20):
            with ledger.begin() as transaction:
                note(transaction, f"{thread}-{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(ledger)) == 80


def test_a_reader_sees_one_state_and_does_not_wait_for_a_writer(ledger):
    with ledger.begin() as transaction:
        note(transaction, "before")
        assert names(ledger) == []
    with ledger.read() as connection:
        count = select(func.count()).select_from(facts)
        assert connection.execute(count).scalar() == 1
        with ledger.begin() as transaction:
            note(transaction, "meanwhile")
        assert connection.execute(count).scalar() == 1
    assert names(ledger) == ["before", "meanwhile"]


def test_listeners_hear_of_topics_once_the_records_can_be_read(ledger):
    heard = []

    def listener(topics):
        with ledger.read() as connection:
            heard.append((topics, connection.execute(select(func.count()).select_from(records)).scalar()))

    ledger.listen(listener)
    with ledger.begin() as transaction:
        ledger.publish(transaction, "entries", [("key", b"1"), ("key", b"2")])
        assert heard == []
    with ledger.begin() as transaction:
        note(transaction, "nothing published")
    assert heard == [(frozenset({"entries"}), 2)]


@pytest.mark.file
def test_a_ledger_that_was_opened_for_reading_cannot_be_written(ledger, path):
    reader = Ledger.open(path, writable=False)
    with pytest.raises(PermissionError), reader.begin():
        pass
    reader.close()


def test_reading_where_there_is_no_ledger_says_what_to_do(path):
    with pytest.raises(FileNotFoundError, match="tocsin run"):
        Ledger.open(path, writable=False)
    assert not path.exists()


@pytest.mark.file
def test_writes_are_durable_before_they_are_acknowledged(ledger):
    with ledger.begin() as transaction:
        assert transaction.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert transaction.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@pytest.mark.file
def test_a_reader_waits_for_a_file_that_is_locked_for_a_moment(ledger):
    with ledger.read() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == module.WAIT_MS


@pytest.mark.file
def test_the_log_shrinks_after_a_long_reader_let_it_grow(ledger, path):
    log = path.with_name(path.name + "-wal")
    with ledger.begin() as transaction:
        transaction.exec_driver_sql("PRAGMA journal_size_limit=1000000")
    with ledger.read() as connection:
        connection.execute(select(facts)).all()  # holds its state from here on
        for _ in range(10):
            with ledger.begin() as transaction:
                ledger.publish(transaction, "entries", [("key", b"x" * 100_000)] * 10)
        assert log.stat().st_size > 8_000_000
    for number in range(3):
        with ledger.begin() as transaction:
            note(transaction, str(number))
    assert log.stat().st_size <= 1_000_000


@pytest.mark.file
def test_a_full_disk_stops_with_what_to_do_and_loses_nothing_acknowledged(ledger, path):
    with ledger.begin() as transaction:
        note(transaction, "acknowledged")
        pages = transaction.exec_driver_sql("PRAGMA page_count").scalar()
        transaction.exec_driver_sql(f"PRAGMA max_page_count={pages + 3}")
    with pytest.raises(Abort, match=rf"{path.name} cannot be written .*full.*make room") as caught:
        note_all(ledger, {"not acknowledged": "1", "large": "x" * 100_000})
    assert isinstance(caught.value.__cause__.orig, sqlite3.OperationalError)
    assert names(ledger) == ["acknowledged"]
    with ledger.begin() as transaction:  # there is room again
        transaction.exec_driver_sql("PRAGMA max_page_count=1000000")
        note(transaction, "later", "x" * 100_000)
    assert names(ledger) == ["acknowledged", "later"]


FILL = """
import resource, sys
from pathlib import Path
from sqlalchemy import insert
from ingest.ledger import Ledger
from ingest.ledger.tables.alerts import facts
from ingest.verdict import Abort

ledger = Ledger.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
for number in range(1000):
    try:
        with ledger.begin() as transaction:
            transaction.execute(insert(facts).values(name=f"{number:04}", value="x" * 20_000, at=0))
    except Abort as verdict:
        print(verdict, flush=True)
        break
    print(f"{number:04}", flush=True)
"""


@pytest.mark.file
def test_a_disk_that_fills_up_while_writing_keeps_every_acknowledged_row(path):
    said = subprocess.run(
        [sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    assert "make room on the disk" in said[-1]
    assert len(said) > 10
    ledger = Ledger.open(path)
    assert names(ledger) == said[:-1]
    ledger.close()


@pytest.mark.file
def test_a_ledger_that_another_program_holds_is_tried_later(ledger, path):
    with ledger.begin() as transaction:
        transaction.exec_driver_sql("PRAGMA busy_timeout=50")
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Retry, match="locked by another program"), ledger.begin():
        pass
    other.rollback()
    other.close()
    with ledger.begin() as transaction:
        note(transaction, "later")
    assert names(ledger) == ["later"]


@pytest.mark.file
@pytest.mark.parametrize("writable", [True, False])
def test_a_file_that_is_no_ledger_is_left_as_it_is(path, writable):
    path.write_bytes(b"something else\n" * 1000)
    with pytest.raises(Abort, match="is damaged"):
        Ledger.open(path, writable=writable)
    assert path.read_bytes() == b"something else\n" * 1000
