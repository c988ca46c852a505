"""What articles were compared by is dropped in time, and nothing that people see with it."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from enrich.stories.forgetting import BATCH, forget_evidence
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables.stories import members

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path):
    with closing(Ledger.open(tmp_path / "ledger.db")) as ledger:
        yield ledger


def arrived(ledger, *days_ago):
    with ledger.begin() as transaction:
        rows = [
            {
                "article": f"{number}-{days}",
                "story": "s",
                "revision": 1,
                "language": "en",
                "seen": to_ms(NOW - timedelta(days=days)),
                "evidence": b"keys",
            }
            for number, days in enumerate(days_ago)
        ]
        transaction.execute(insert(members), rows)


def with_evidence(ledger):
    with ledger.read() as connection:
        kept = select(members.c.article).where(members.c.evidence.is_not(None))
        return [name.partition("-")[2] for name in connection.execute(kept.order_by(members.c.number)).scalars()]


def test_only_what_is_older_than_the_window_is_dropped(ledger):
    arrived(ledger, 40, 16, 14, 2)
    assert forget_evidence(ledger, NOW) == 2
    assert with_evidence(ledger) == ["14", "2"]
    assert forget_evidence(ledger, NOW) == 0


def test_assignments_stay(ledger):
    arrived(ledger, 40, 2)
    forget_evidence(ledger, NOW)
    with ledger.read() as connection:
        assert connection.execute(select(members.c.article, members.c.story).order_by(members.c.number)).all() == [
            ("0-40", "s"),
            ("1-2", "s"),
        ]


def test_what_arrived_late_goes_in_its_turn(ledger):
    arrived(ledger, 16, 2, 20)  # the third was held up behind a younger one
    assert forget_evidence(ledger, NOW) == 1
    assert forget_evidence(ledger, NOW + timedelta(days=20)) == 2
    assert with_evidence(ledger) == []


def test_more_than_a_batch_goes_at_once(ledger):
    arrived(ledger, *[30] * (BATCH + 3), 1)
    assert forget_evidence(ledger, NOW) == BATCH + 3
    assert with_evidence(ledger) == ["1"]


def test_an_empty_ledger_has_nothing_to_forget(ledger):
    assert forget_evidence(ledger, NOW) == 0
