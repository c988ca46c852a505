"""Backups of the ledger: the same rows come back, in a file and on PostgreSQL, or nothing does."""

import gzip
import hashlib
import json
import random
import threading

import pytest
from ledger_kit import settings
from servers import fresh_database, server
from sqlalchemy import BigInteger, Float, Integer, LargeBinary, create_engine, event, insert, select, text

from ingest.ledger import Ledger
from ingest.ledger.backup import back_up
from ingest.ledger.migrate import HEAD, migrate, version
from ingest.ledger.restore import examine, restore
from ingest.ledger.tables import metadata
from ingest.ledger.tables.feeds import polls
from ingest.ledger.tables.people import people
from ingest.ledger.tables.stream import records
from ingest.verdict import Abort, Reject


@pytest.fixture
def file(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def another(tmp_path):
    ledger = Ledger.open(tmp_path / "another.db")
    yield ledger
    ledger.close()


@pytest.fixture
def shared():
    with fresh_database(server("postgresql").url) as url:
        ledger = Ledger.connect(settings(url), upgraded=True)
        yield ledger
        ledger.close()


TEXTS = ("", "plain", "Ünïcode ключ 中文 עברית 🙂", "two\nlines\ttab", '"quoted" \\ back', "x" * 3000, "\u2028\x01")


def fill(ledger, seed=1, rows=40):
    """Rows in every table, with whatever each column can hold."""
    chance = random.Random(seed)
    with ledger.begin() as transaction:
        for table in metadata.sorted_tables:
            transaction.execute(insert(table), [row(table, number, chance) for number in range(rows)])


def row(table, number, chance):
    return {column.name: value(column, number, chance) for column in table.columns if not numbers_itself(column)}


def numbers_itself(column):
    return column.autoincrement is True


def value(column, number, chance):
    unique = column.primary_key or column.unique or column.name in ("person", "name")
    if column.nullable and chance.random() < 0.3:
        return None
    if isinstance(column.type, LargeBinary):
        return chance.randbytes(chance.randrange(50))
    if isinstance(column.type, Float):
        return chance.choice([0.0, -1.5, 0.1, 1e300, 5e-324, chance.random()])
    if isinstance(column.type, BigInteger):
        return number if unique else chance.choice([0, -1, 2**62, chance.randrange(2**53, 2**63)])
    if isinstance(column.type, Integer):
        return number if unique else chance.choice([0, -1, 2**31 - 1])
    return f"{chance.choice(TEXTS)[:20]}{number}" if unique else chance.choice(TEXTS)


def all_rows(ledger):
    with ledger.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


def next_number(ledger, table, **values):
    with ledger.begin() as transaction:
        return transaction.execute(insert(table).values(values)).inserted_primary_key[0]


def test_every_row_comes_back_in_another_file(file, another, tmp_path):
    fill(file)
    said = []
    done = back_up(file, tmp_path / "backup", progress=lambda *given: said.append(given))
    assert said[-1] == (done.rows, done.rows)
    assert done.rows == sum(map(len, all_rows(file).values()))
    head = restore(another, tmp_path / "backup")
    assert (head.version, head.rows) == (HEAD, done.rows)
    assert all_rows(another) == all_rows(file)
    assert all(len(rows) == 40 for rows in all_rows(another).values())


@pytest.mark.servers
def test_a_ledger_moves_to_postgresql_and_back_and_is_the_same_row_by_row(file, shared, another, tmp_path):
    fill(file, rows=1500)
    back_up(file, tmp_path / "there")
    restore(shared, tmp_path / "there")
    assert all_rows(shared) == all_rows(file)
    back_up(shared, tmp_path / "back")
    restore(another, tmp_path / "back")
    assert all_rows(another) == all_rows(file)
    with gzip.open(tmp_path / "there") as there, gzip.open(tmp_path / "back") as back:
        next(there), next(back)  # the head tells the time
        assert there.readlines()[:-1] == back.readlines()[:-1]


@pytest.mark.servers
def test_no_number_is_given_twice_after_a_move_though_its_row_is_gone(file, shared, another, tmp_path):
    record = {"topic": "entries", "key": "k", "value": b"", "at": 0}
    assert [next_number(file, records, **record) for _ in range(5)] == [1, 2, 3, 4, 5]
    with file.begin() as transaction:
        transaction.execute(records.delete().where(records.c.position > 2))
    back_up(file, tmp_path / "there")
    restore(shared, tmp_path / "there")
    assert next_number(shared, records, **record) == 6
    assert next_number(shared, polls, feed="f", at=0, outcome="new") == 1
    with shared.begin() as transaction:
        transaction.execute(records.delete())
    back_up(shared, tmp_path / "back")
    restore(another, tmp_path / "back")
    assert next_number(another, records, **record) == 7
    assert next_number(another, polls, feed="f", at=0, outcome="new") == 2


def test_a_backup_is_one_state_while_others_write(file, another, tmp_path):
    stop, begun = threading.Event(), threading.Event()

    def write():
        while not stop.is_set():
            with file.begin() as transaction:  # always as many polls as records
                transaction.execute(insert(polls).values(feed="f", at=0, outcome="new"))
                file.publish(transaction, "entries", [("k", b"1")])
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(30)
    try:
        back_up(file, tmp_path / "backup")
    finally:
        stop.set()
        writer.join()
    restore(another, tmp_path / "backup")
    rows = all_rows(another)
    assert len(rows["polls"]) == len(rows["records"]) > 0


def test_a_ledger_that_is_not_empty_is_left_as_it_is_unless_asked_for(file, another, tmp_path):
    fill(file)
    fill(another, seed=2, rows=3)
    back_up(file, tmp_path / "backup")
    before = all_rows(another)
    with pytest.raises(Abort, match=r"is not empty \(rows in .*\): --replace removes"):
        restore(another, tmp_path / "backup")
    assert all_rows(another) == before
    restore(another, tmp_path / "backup", replace=True)
    assert all_rows(another) == all_rows(file)


def changed(path, change):
    with gzip.open(path) as packed:
        lines = packed.readlines()
    with gzip.open(path, "wb") as packed:
        packed.writelines(change(lines))


DAMAGED = "is damaged: its rows"
BAD = {
    "a row that was changed": (
        lambda lines: [*lines[:3], lines[3].replace(b"]", b" ]"), *lines[4:]],
        "is damaged: its rows",
    ),
    "rows in another order": (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], DAMAGED),
    "more after the end": (lambda lines: [*lines, b"[]\n"], DAMAGED),
    "a row that is missing": (lambda lines: [*lines[:3], *lines[4:]], DAMAGED),
    "an end that is missing": (lambda lines: lines[:-1], "is broken off after"),
    "another program's file": (lambda lines: [b'{"a": 1}\n'], "is no backup of a ledger"),
    "nothing": (lambda lines: [], "is no backup of a ledger"),
    "a newer version": (lambda lines: [lines[0].replace(HEAD.encode(), b"9999"), *lines[1:]], "was written by a newer"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_backup_that_is_not_whole_is_refused_and_changes_nothing(file, another, tmp_path, name):
    change, said = BAD[name]
    fill(file, rows=9)
    back_up(file, tmp_path / "backup")
    changed(tmp_path / "backup", change)
    with pytest.raises(Reject, match=said):
        restore(another, tmp_path / "backup")
    assert not any(all_rows(another).values())


@pytest.mark.parametrize("content", [b"", b"not compressed", None])
def test_what_cannot_be_unpacked_is_refused(another, tmp_path, content):
    path = tmp_path / "backup"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Reject, match=r"is no backup|is damaged or no backup|cannot be read"):
        restore(another, path)


def test_a_compressed_file_that_is_cut_anywhere_is_refused(file, tmp_path):
    fill(file, rows=9)
    back_up(file, tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    for size in range(0, len(whole), len(whole) // 40):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(Reject):
            examine(tmp_path / "cut")
    assert examine(tmp_path / "backup").version == HEAD


def test_what_stood_there_is_replaced_only_by_a_whole_backup(file, tmp_path, monkeypatch):
    path = tmp_path / "backup"
    back_up(file, path)
    before = path.read_bytes()
    fill(file)

    def interrupt(_done, _rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(file, path, progress=interrupt)
    assert path.read_bytes() == before
    back_up(file, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith((".", "backup"))) == ["backup"]


def test_a_place_that_cannot_be_written_is_said(file, tmp_path):
    with pytest.raises(Abort, match=r"cannot write .*No such file or directory; give a place with room"):
        back_up(file, tmp_path / "nowhere" / "backup")


def an_older_backup(path, rows):
    """A backup as the Tocsin of version 0001 would have written it, with `rows` of people."""
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    with engine.begin() as connection:
        migrate(connection, "0001")
        names = [name for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))]
        tables = {}
        for name in names:
            if name in metadata.tables:
                columns = [one[1] for one in connection.execute(text(f"PRAGMA table_info({name})"))]
                binary = [one.name for one in metadata.tables[name].columns if isinstance(one.type, LargeBinary)]
                count = len(rows) if name == "people" else 0
                tables[name] = {"columns": columns, "binary": binary, "rows": count, "last": None}
    engine.dispose()
    head = {"schema": "tocsin.ledger/1", "version": "0001", "made": "2026-01-01T00:00:00Z", "tables": tables}
    lines = [json.dumps(line).encode() + b"\n" for line in (head, *rows)]
    foot = json.dumps({"sha256": hashlib.sha256(b"".join(lines)).hexdigest()}).encode() + b"\n"
    path.write_bytes(gzip.compress(b"".join([*lines, foot])))


def test_a_backup_of_an_older_version_is_brought_up_to_date(another, tmp_path):
    an_older_backup(tmp_path / "old", [["Ana", 7], ["Ben", 8]])
    assert restore(another, tmp_path / "old").version == "0001"
    check_people(another)


@pytest.mark.servers
def test_a_backup_of_an_older_version_is_brought_up_to_date_on_postgresql(shared, tmp_path):
    an_older_backup(tmp_path / "old", [["Ana", 7], ["Ben", 8]])
    restore(shared, tmp_path / "old")
    check_people(shared)


def check_people(ledger):
    with ledger.read() as connection:
        assert version(connection) == HEAD
        found = connection.execute(select(people).order_by(people.c.name)).all()
    assert [tuple(one) for one in found] == [("Ana", 7, "", "", "", "", None), ("Ben", 8, "", "", "", "", None)]
    assert next_number(ledger, records, topic="t", key="k", value=b"", at=0) == 1
