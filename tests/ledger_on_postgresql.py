"""A pytest plugin (`-p ledger_on_postgresql`): every ledger that a test opens in a file stands on PostgreSQL instead.

The server's address is taken from TOCSIN_POSTGRESQL. So the tests that were written for a file are run on both.
"""

import os
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from ingest.clock import Clock, now
from ingest.ledger import Ledger
from ingest.ledger.settings import LedgerSettings

SERVER = make_url(os.environ["TOCSIN_POSTGRESQL"]).set(drivername="postgresql+psycopg")
TEMPLATE = f"tocsin_template_{os.getpid()}"
_databases: dict[Path, str] = {}


def _run(*statements: str) -> None:
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _settings(database: str) -> LedgerSettings:
    return LedgerSettings(url=SERVER.set(database=database).render_as_string(hide_password=False), wait_seconds=5)


def _open(path: Path, *, writable: bool = True, clock: Clock = now) -> Ledger:
    path = Path(path)
    if path not in _databases:
        if not writable:
            raise FileNotFoundError(f"no ledger at {path}; has `tocsin run` been started with this folder?")
        _databases[path] = f"tocsin_{os.getpid()}_{len(_databases)}"
        _run(f"CREATE DATABASE {_databases[path]} TEMPLATE {TEMPLATE}")
    return Ledger.connect(_settings(_databases[path]), clock=clock)


def pytest_sessionstart() -> None:
    _run(f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}")
    Ledger.connect(_settings(TEMPLATE), upgraded=True).close()
    Ledger.open = staticmethod(_open)  # type: ignore[method-assign,assignment]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    _run(*(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in (*_databases.values(), TEMPLATE)))
