"""`tocsin ledger`: a newsroom's ledger moves from a laptop to a server and back, and stays the same."""

import shutil
from pathlib import Path

import pytest
from ledger_kit import settings
from route_kit import alerts, finished, objects, read_whole_newsroom, running, tocsin
from servers import fresh_database, server
from sqlalchemy import select

from flows import demo
from ingest.ledger import Ledger
from ingest.ledger.leases import Lease
from ingest.ledger.migrate import HEAD
from ingest.ledger.tables import metadata


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    """A folder in which the whole bundled newsroom was read, with its watches."""
    watched = ("--watches", str(Path(demo.__file__).with_name("watches.toml")))
    return read_whole_newsroom(tmp_path_factory.mktemp("laptop") / "home", *watched)


@pytest.fixture
def database():
    with fresh_database(server("postgresql").url) as url:
        yield {"TOCSIN__LEDGER__URL": url.replace("+psycopg", "")}


def rows_of(ledger):
    with ledger.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


def rows_in(folder):
    ledger = Ledger.open(folder / "ledger.db", writable=False)
    try:
        return rows_of(ledger)
    finally:
        ledger.close()


def rows_on(database):
    ledger = Ledger.connect(settings(database["TOCSIN__LEDGER__URL"]))
    try:
        return rows_of(ledger)
    finally:
        ledger.close()


@pytest.mark.servers
def test_a_newsroom_moves_to_a_server_and_back_row_by_row(laptop, database, tmp_path):
    before, rung = rows_in(laptop), alerts(laptop)
    assert len(before["articles"]) > 20
    assert rung
    (done,) = objects(tocsin("ledger", "backup", str(tmp_path / "there"), "--json", home=laptop))
    assert done["rows"] == sum(map(len, before.values()))
    assert "from no tables to version" in tocsin("ledger", "upgrade", home=tmp_path / "server", **database)
    assert "has version" in tocsin("ledger", "upgrade", home=tmp_path / "server", **database)
    tocsin("ledger", "restore", str(tmp_path / "there"), home=tmp_path / "server", **database)
    assert rows_on(database) == before
    (status,) = objects(tocsin("ledger", "status", "--json", home=tmp_path / "server", **database))
    assert status["rows"] == {name: len(rows) for name, rows in before.items()}
    assert (status["version"], status["standby"]) == (HEAD, False)
    assert status["server"]
    assert abs(status["skew_seconds"]) < 60
    tocsin("ledger", "backup", str(tmp_path / "back"), home=tmp_path / "server", **database)
    tocsin("ledger", "restore", str(tmp_path / "back"), home=tmp_path / "again")
    assert rows_in(tmp_path / "again") == before
    assert alerts(tmp_path / "again") == rung


def test_a_ledger_is_backed_up_while_its_owner_works_and_restored_only_when_nobody_does(laptop, tmp_path):
    folder = tmp_path / "home"
    shutil.copytree(laptop, folder)
    with running("run", "--port", "0", home=folder):
        tocsin("ledger", "backup", str(tmp_path / "backup"), home=folder)
        assert "version" in tocsin("ledger", "status", home=folder)
        done = finished("ledger", "restore", str(tmp_path / "backup"), "--replace", home=folder)
        assert (done.returncode, "is in use by process" in done.stderr) == (1, True)
    done = finished("ledger", "restore", str(tmp_path / "backup"), home=folder)
    assert "is not empty" in done.stderr
    assert "--replace removes what it holds" in done.stderr
    said = tocsin("ledger", "restore", str(tmp_path / "backup"), "--replace", home=folder)
    assert "rows restored, as they were at" in said
    assert len(rows_in(folder)["articles"]) == len(rows_in(laptop)["articles"])
    assert tocsin("doctor", home=folder)


@pytest.mark.servers
def test_a_ledger_that_processes_work_with_is_not_replaced(laptop, database, tmp_path):
    tocsin("ledger", "backup", str(tmp_path / "backup"), home=laptop)
    ledger = Ledger.connect(settings(database["TOCSIN__LEDGER__URL"]), upgraded=True)
    lease = Lease(ledger, "stories", "host:1:a", seconds=600)
    assert lease.take()
    done = finished("ledger", "restore", str(tmp_path / "backup"), "--replace", home=tmp_path / "server", **database)
    assert (done.returncode, "processes work with the ledger (host:1:a): end all of them" in done.stderr) == (1, True)
    assert "stories is held by host:1:a" in tocsin("ledger", "status", home=tmp_path / "server", **database)
    lease.drop()
    ledger.close()
    tocsin("ledger", "restore", str(tmp_path / "backup"), "--replace", home=tmp_path / "server", **database)


def test_help_says_what_a_backup_does_not_hold():
    for words in (("ledger",), ("ledger", "backup"), ("ledger", "restore")):
        said = " ".join(tocsin(*words, "--help").split())
        assert "archive" in said
        assert "not in it" in said


def test_a_folder_without_a_ledger_is_said(tmp_path):
    done = finished("ledger", "backup", str(tmp_path / "backup"), home=tmp_path / "home")
    assert done.returncode == 1
    assert "name a server in [ledger] url" in done.stderr
    assert not Path(tmp_path / "backup").exists()
