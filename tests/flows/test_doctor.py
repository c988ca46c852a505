"""The doctor, checked from outside: what is taken away behind its back, it misses."""

import sqlite3
from contextlib import closing

import pytest
from route_kit import finished, found, read_whole_newsroom, tocsin

from flows.demo.stock import stock


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A folder in which the whole bundled newsroom was read."""
    return read_whole_newsroom(tmp_path_factory.mktemp("doctor") / "home")


def change(file, *statements):
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def ill(folder):
    """What the doctor says where it is not content."""
    done = finished("doctor", home=folder)
    assert done.returncode == 1, done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith("✗")]


def test_a_folder_in_order_is_said_to_be(read):
    said = tocsin("doctor", home=read)
    assert "✗" not in said
    assert f"{len(stock())} seen = {len(stock())} published" in said


def test_an_article_that_is_gone_from_the_index_is_missed_and_comes_back_when_it_is_rebuilt(read):
    before = {row["id"] for row in found(read)}
    gone = sorted(before)[0]
    change(read / "index.db", f"DELETE FROM doc WHERE id = '{gone}'")
    (line,) = ill(read)
    assert "1 published articles are missing" in line
    assert gone in line
    tocsin("doctor", "--rebuild-index", home=read)
    assert {row["id"] for row in found(read)} == before


def test_an_index_of_another_version_says_what_to_do_and_is_rebuilt_from_its_own_records(read):
    before = {row["id"] for row in found(read)}
    change(read / "index.db", "UPDATE about SET value = '0.0'")
    assert "tocsin doctor --rebuild-index" in finished("find", "*", home=read).stderr
    change(read / "ledger.db", "DELETE FROM records WHERE topic = 'told'")
    tocsin("doctor", "--rebuild-index", home=read)
    assert {row["id"] for row in found(read)} == before


def test_an_entry_that_no_stage_knows_of_is_told_as_lost(read):
    change(read / "ledger.db", "DELETE FROM fetches WHERE id = (SELECT min(id) FROM fetches WHERE reason = 'new')")
    change(read / "ledger.db", "DELETE FROM records WHERE topic = 'entries'")
    lines = ill(read)
    assert any("1 LOST" in line for line in lines), lines


def test_a_damaged_ledger_is_told(read):
    with (read / "ledger.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\x00" * 4096 * 4)
    done = finished("doctor", home=read)
    assert done.returncode == 1
    assert "damaged" in done.stdout + done.stderr or "malformed" in done.stdout + done.stderr
