"""A pytest plugin (`-p ledger_on_postgresql`): every ledger that a test opens in a file stands on PostgreSQL instead.

So the tests that were written for a file are run on both; those that are about the file itself are marked `file` and
skipped. The server is the one at TOCSIN_POSTGRESQL, or one of its own that is fast and would survive no power cut.
"""

import os
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest
from servers import own_server
from sqlalchemy import create_engine, make_url, text

from ingest.clock import Clock, now
from ingest.ledger import Ledger
from ingest.ledger.settings import LedgerSettings
from ingest.ledger.tables import metadata

TEMPLATE = f"tocsin_template_{os.getpid()}"
_databases: dict[Path, str] = {}  # of the tests that run now
_used: list[str] = []  # to be emptied before they are used again: quicker than to make new ones
_made: list[str] = []
_at_end = ExitStack()


@cache
def _server() -> str:
    given = os.environ.get("TOCSIN_POSTGRESQL")
    return given or _at_end.enter_context(own_server("postgresql", {"fsync": "off", "full_page_writes": "off"})).url


def _address(database: str) -> str:
    return make_url(_server()).set(database=database).render_as_string(hide_password=False)


@contextmanager
def _connected(database: str):  # type: ignore[no-untyped-def]
    engine = create_engine(_address(database), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _run(*statements: str) -> None:
    with _connected("postgres") as connection:
        for statement in statements:
            connection.execute(text(statement))


def _settings(database: str) -> LedgerSettings:
    return LedgerSettings(url=_address(database), wait_seconds=5)


def _empty_database() -> str:
    if _used:
        name = _used.pop()
        with _connected(name) as connection:
            for table in metadata.sorted_tables:
                connection.execute(table.delete())
            restart = "SELECT setval(c.oid, 1, false) FROM pg_class c WHERE c.relkind = 'S'"
            connection.execute(text(restart)).all()
        return name
    if not _made:
        _run(f"CREATE DATABASE {TEMPLATE}")
        _made.append(TEMPLATE)
        Ledger.connect(_settings(TEMPLATE), upgraded=True).close()
    name = f"tocsin_{os.getpid()}_{len(_made)}"
    _run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    _made.append(name)
    return name


def _open(path: Path, *, writable: bool = True, clock: Clock = now) -> Ledger:
    path = Path(path)
    if path not in _databases:
        if not writable:
            raise FileNotFoundError(f"no ledger at {path}; has `tocsin run` been started with this folder?")
        _databases[path] = _empty_database()
    return Ledger.connect(_settings(_databases[path]), clock=clock)


def pytest_sessionstart() -> None:
    Ledger.open = staticmethod(_open)  # type: ignore[method-assign,assignment]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("file"):
            item.add_marker(pytest.mark.skip(reason="it is about the ledger in a file"))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    ended = [path for path in _databases if folder and path.is_relative_to(folder)]
    _used.extend(_databases.pop(path) for path in ended)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    if _made and os.environ.get("TOCSIN_POSTGRESQL"):
        _run(*(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in _made))
    _at_end.close()
