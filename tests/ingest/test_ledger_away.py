"""A PostgreSQL that stops, dies, refuses or is full: what was acknowledged stays, nothing is half done, it is said."""

import os
import re
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from secrets import token_hex

import psycopg
import pytest
from ledger_kit import opened, settings
from servers import fresh_database, own_server, server
from sqlalchemy import func, insert, make_url, select, text

from ingest.clock import now
from ingest.ledger import Ledger
from ingest.ledger.migrate import HEAD
from ingest.ledger.tables.alerts import facts
from ingest.ledger.tables.stream import records
from ingest.verdict import Abort, Retry

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def own():
    """A server of these tests alone, which they may stop."""
    with own_server("postgresql", {"max_connections": "20", "superuser_reserved_connections": "3"}) as process:
        yield process


@pytest.fixture
def url(own):
    own.start()
    with fresh_database(own.url) as url:
        Ledger.connect(settings(url), upgraded=True).close()
        yield url
        own.start()


@contextmanager
def asked(url):
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


def names(ledger):
    with ledger.read() as connection:
        return set(connection.execute(select(facts.c.name)).scalars())


def refused(url, **changes):
    with pytest.raises(Abort) as caught:
        Ledger.connect(settings(url, **changes))
    return str(caught.value)


class Writers:
    """Threads that write a pair of rows a transaction for as long as they are let, and note what was acknowledged."""

    def __init__(self, ledger, count=4):
        self._ledger, self._stop = ledger, threading.Event()
        self.acknowledged, self.verdicts, self.others = [], Counter(), []
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def until_more(self, count):
        wanted, until = len(self.acknowledged) + count, time.monotonic() + 60
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < until, self.verdicts
            time.sleep(0.01)

    def _write(self, thread):
        number = 0
        while not self._stop.is_set():
            number += 1
            name = f"{thread}-{number}"
            try:
                with self._ledger.begin("rows" if thread % 2 else "fetches") as transaction:
                    transaction.execute(insert(facts).values(name=name, value="1", at=0))
                    self._ledger.publish(transaction, "entries", [(name, b"1")])
                self.acknowledged.append(name)
            except Retry as verdict:
                self.verdicts[type(verdict)] += 1
                time.sleep(0.05)
            except BaseException as error:  # noqa: BLE001 - shown by the test
                self.others.append(error)
                return


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_what_is_acknowledged_survives_a_server_that_ends_in_the_middle(own, url, way):
    with opened(url) as ledger:
        with Writers(ledger) as writers:
            for _ in range(2):
                writers.until_more(40)
                getattr(own, way)()
                own.start()
            writers.until_more(40)
        assert writers.others == []
        assert writers.verdicts[Retry] > 0
        kept = names(ledger)
        assert set(writers.acknowledged) <= kept
        with ledger.read() as connection:  # of each transaction both rows, or none
            assert set(connection.execute(select(records.c.key)).scalars()) == kept
            assert connection.execute(select(func.count()).select_from(records)).scalar() == len(kept)


def test_a_server_that_is_away_is_waited_for_and_said_once(own, url):
    own.stop()
    said = []
    starting = threading.Timer(2.5, own.start)
    starting.start()
    try:
        ledger = Ledger.connect(settings(url, wait_seconds=60), waiting=said.append)
    finally:
        starting.join()
    assert names(ledger) == set()
    ledger.close()
    assert len(said) == 1
    assert re.search(r"cannot be reached \(.+\); is it running\? Waiting for it\.$", said[0])


def test_a_server_that_stays_away_is_given_up_and_said(own, url):
    own.stop()
    said = refused(url, wait_seconds=0)
    assert "is it running? (waited 0 s)" in said
    assert make_url(url).database in said


def test_a_wrong_password_says_which_setting_is_wrong_and_shows_none():
    with own_server("postgresql", security=True) as process:
        right = make_url(process.url)
        Ledger.connect(settings(process.url), upgraded=True).close()
        beside = settings(right._replace(password=None).render_as_string(), password=right.password)
        Ledger.connect(beside).close()
        for wrong in (right.set(password="wrong-word"), right._replace(password=None), right.set(username="nobody")):
            said = refused(wrong.render_as_string(hide_password=False))
            assert "refuses the user or the password: set ledger.url and ledger.password" in said
            assert "wrong-word" not in said
            assert right.password not in said


def test_a_missing_database_and_missing_tables_say_what_to_run():
    there = server("postgresql").url
    with fresh_database(there) as url:
        assert "has no tables, this Tocsin reads version" in refused(url)
        assert "run `tocsin ledger upgrade`" in refused(url)
    assert "has no such database: create it, then run `tocsin ledger upgrade`" in refused(url)


def test_tables_of_another_version_are_refused_and_left_as_they_are():
    with fresh_database(server("postgresql").url) as url:
        ledger = Ledger.connect(settings(url), upgraded=True)
        assert ledger.was is None
        ledger.close()
        for version, said in (("9999", "use the newer Tocsin"), ("0001", "run `tocsin ledger upgrade`")):
            with asked(url) as connection:
                connection.execute("UPDATE alembic_version SET version_num = %s", [version])
            assert f"has version {version}" in refused(url)
            assert said in refused(url)
        with asked(url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(Abort, match="use the newer Tocsin"):
            Ledger.connect(settings(url), upgraded=True)


def test_a_url_that_is_none_is_refused_without_a_server():
    for wrong in ("mysql://a@b/c", "postgresql://a@b", "no address"):
        with pytest.raises(Abort, match="write postgresql://USER@HOST:5432/DATABASE"):
            Ledger.connect(settings(wrong))


def test_too_many_connections_are_waited_out(own, url):
    with pytest.raises(Abort, match="no room for another connection; raise its max_connections"), crowded(own):
        Ledger.connect(settings(url, wait_seconds=0))
    Ledger.connect(settings(url)).close()


@contextmanager
def crowded(own):
    """All connections of the server are taken."""
    plain = make_url(own.url).set(drivername="postgresql").render_as_string(hide_password=False)
    taken = []
    try:
        while True:
            try:
                taken.append(psycopg.connect(plain))
            except psycopg.OperationalError:
                break
        yield
    finally:
        for connection in taken:
            connection.close()


def test_a_server_that_takes_no_writes_is_tried_later_and_can_be_read(url):
    with asked(url) as connection:
        name = make_url(url).database
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with opened(url) as ledger:
        assert names(ledger) == set()
        with pytest.raises(Retry, match="is a standby that takes no writes now"), ledger.begin() as transaction:
            transaction.execute(insert(facts).values(name="a", value="1", at=0))


def test_a_full_disk_stops_with_what_to_do_and_loses_nothing_acknowledged(own, tmp_path):
    own.start()
    room = tmp_path / "room"
    room.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", room], capture_output=True
    ).returncode:
        pytest.skip("a small disk cannot be mounted here")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    try:
        place = room / "tables"
        place.mkdir()
        owner = own.recipe.folder.stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        with asked(own.url) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
            connection.execute("CREATE DATABASE small TABLESPACE small")
        url = make_url(own.url).set(database="small").render_as_string(hide_password=False)
        Ledger.connect(settings(url), upgraded=True).close()
        with opened(url) as ledger:
            acknowledged, said = fill(ledger)
            assert "has no room on its disk: make room; nothing that was acknowledged is lost" in said
            assert acknowledged
            assert names(ledger) == acknowledged
        with asked(own.url) as connection:
            connection.execute("DROP DATABASE small")
            connection.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", room], check=True)


def fill(ledger):
    """The names that were acknowledged before there was no more room, and what was said then."""
    done = set()
    for number in range(500):
        name, noise = f"{number:04}", os.urandom(100_000).hex()
        try:
            with ledger.begin() as transaction:
                transaction.execute(insert(facts).values(name=name, value=noise, at=0))
        except Abort as verdict:
            return done, str(verdict)
        done.add(name)
    raise AssertionError("the disk never was full")


def test_the_skew_of_the_clocks_is_told():
    with fresh_database(server("postgresql").url) as url:
        Ledger.connect(settings(url), upgraded=True).close()
        for behind in (0, 300):
            with opened(url, lambda behind=behind: now() - timedelta(seconds=behind)) as ledger:
                assert behind - 5 < ledger.skew_seconds() < behind + 5


def test_a_file_has_no_other_clock(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert ledger.skew_seconds() == 0.0
    ledger.close()


@contextmanager
def database(options):
    """The URL of a new database that is unlike others."""
    name, there = f"test_{token_hex(6)}", server("postgresql").url
    with asked(there) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
    try:
        yield make_url(there).set(database=name).render_as_string(hide_password=False)
    finally:
        with asked(there) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_text_stands_in_the_order_of_its_bytes_whatever_the_order_of_the_database():
    with asked(server("postgresql").url) as connection:
        if not connection.execute("SELECT 1 FROM pg_collation WHERE collname = 'en-x-icu'").fetchone():
            pytest.skip("this PostgreSQL has no other order than that of bytes")
    given = ["a", "B", "_", "é", "Z", "б", "a b", "ab"]
    with database("ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en'") as url:
        Ledger.connect(settings(url), upgraded=True).close()
        with opened(url) as ledger:
            with ledger.begin() as transaction:
                transaction.execute(insert(facts), [{"name": name, "value": "", "at": 0} for name in given])
            with ledger.read() as connection:
                shown = connection.execute(select(facts.c.name).order_by(facts.c.name)).scalars().all()
            assert shown == sorted(given, key=str.encode)
            with ledger.begin() as transaction:
                transaction.execute(text('ALTER TABLE facts ALTER COLUMN name TYPE VARCHAR COLLATE "en-x-icu"'))
        assert "orders text otherwise than by bytes (in facts): run `tocsin ledger upgrade`" in refused(url)
        ledger = Ledger.connect(settings(url), upgraded=True)
        assert ledger.was == HEAD
        ledger.close()
        Ledger.connect(settings(url)).close()


def test_a_database_that_cannot_hold_all_scripts_is_refused():
    with (
        database("ENCODING 'LATIN1' LOCALE 'C'") as url,
        pytest.raises(Abort, match="has the encoding LATIN1: create it with ENCODING 'UTF8'"),
    ):
        Ledger.connect(settings(url), upgraded=True)
