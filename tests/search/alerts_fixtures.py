"""A ledger, and the stage of watches over it, for tests of alerts."""

import pytest
from alerts_kit import EASED
from building import NOON

from ingest.ledger import Ledger
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.query.parse import parse
from search.watches import WatchStore


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def newsroom(ledger):
    """A stage with the watch EASED in force, and what is asked of the fetch queue."""
    store = WatchStore(ledger, parse, clock=lambda: NOON)
    store.put(EASED, by="Ana")
    checks = []
    stage = WatchStage(
        ledger,
        store,
        Engine(),
        clock=lambda: NOON,
        plan_checks=lambda _transaction, article, _now: checks.append(article.id),
    )
    return stage, store, checks
