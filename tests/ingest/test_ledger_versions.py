"""The versions of the ledger: every way to the newest one gives the same tables."""

import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, event, insert, text

from ingest.ledger import Ledger
from ingest.ledger.migrate import FOLDER, HEAD, migrate, upgrade, version
from ingest.ledger.tables import metadata
from ingest.ledger.tables.alerts import facts
from ingest.ledger.tables.people import people
from ingest.verdict import Abort

pytestmark = pytest.mark.file


@contextmanager
def database(path):
    """A plain connection in a transaction, without what Ledger adds."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def differences(connection):
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, metadata)


def words(connection):
    """What SQLite keeps of each table and index, without the order of lines and the quotes of names."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
    return {
        name: sorted(line.strip().strip(",") for line in (sql or "").replace('"', "").split("\n")) for name, sql in rows
    }


def test_the_newest_file_is_the_head():
    assert max(path.stem.split("_")[0] for path in (FOLDER / "versions").glob("*.py")) == HEAD


def test_a_fresh_ledger_is_of_the_newest_version(tmp_path):
    Ledger.open(tmp_path / "ledger").close()
    with database(tmp_path / "ledger") as connection:
        assert version(connection) == HEAD
        assert differences(connection) == []


def test_going_through_every_version_gives_the_tables_of_a_fresh_ledger(tmp_path):
    with database(tmp_path / "migrated") as connection:
        migrate(connection)
        assert version(connection) == HEAD
        assert differences(connection) == []
        migrated = words(connection)
    with database(tmp_path / "fresh") as connection:
        upgrade(connection)
        fresh = words(connection)
    del migrated["alembic_version"], fresh["alembic_version"]  # alembic writes its own
    assert migrated == fresh


def test_names_that_were_given_before_people_could_sign_in_are_kept(tmp_path):
    with database(tmp_path / "ledger") as connection:
        migrate(connection, "0001")
        connection.execute(text("INSERT INTO people (name, at) VALUES ('Ana', 7)"))
    Ledger.open(tmp_path / "ledger").close()
    with database(tmp_path / "ledger") as connection:
        assert connection.execute(people.select()).all() == [("Ana", 7, "", "", "", "", None)]


def test_a_migration_is_undone_with_its_transaction(tmp_path):
    with suppress(ZeroDivisionError), database(tmp_path / "ledger") as connection:
        migrate(connection)
        raise ZeroDivisionError
    with database(tmp_path / "ledger") as connection:
        assert words(connection) == {}


@pytest.mark.parametrize("writable", [True, False])
def test_a_ledger_of_a_newer_tocsin_is_refused_and_left_as_it_is(tmp_path, writable):
    Ledger.open(tmp_path / "ledger").close()
    with database(tmp_path / "ledger") as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Abort, match=r"version 9999, this Tocsin knows up to .*: use the newer Tocsin"):
        Ledger.open(tmp_path / "ledger", writable=writable)
    with database(tmp_path / "ledger") as connection:
        assert version(connection) == "9999"


def test_a_reader_of_an_older_ledger_is_told_who_brings_it_up_to_date(tmp_path):
    Ledger.open(tmp_path / "ledger").close()
    with database(tmp_path / "ledger") as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(Abort, match="start `tocsin run` once"):
        Ledger.open(tmp_path / "ledger", writable=False)


def test_opening_again_keeps_the_rows_and_is_cheap(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger")
    with ledger.begin() as transaction:
        transaction.execute(insert(facts).values(name="kept", value="1", at=0))
    ledger.close()
    began = time.perf_counter()
    ledger = Ledger.open(tmp_path / "ledger")
    assert time.perf_counter() - began < 0.5
    with ledger.read() as connection:
        assert connection.execute(facts.select()).all() == [("kept", "1", 0)]
    ledger.close()


def test_opening_an_up_to_date_or_a_fresh_ledger_does_not_load_alembic(tmp_path):
    code = (
        "import sys; from pathlib import Path; from ingest.ledger import Ledger\n"
        "for _ in range(2): Ledger.open(Path(sys.argv[1])).close()\n"
        "assert not any(name.startswith('alembic') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "ledger")], check=True, timeout=60)
