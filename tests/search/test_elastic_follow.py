"""What the ledger knows of alerts, polls and rejected records comes into the index, and stays in step with it."""

from datetime import timedelta

import pytest
from building import NOON, told, topic
from index_kit import elastic, no_wait, see
from sqlalchemy import delete, insert, select

from ingest import rejected
from ingest.clock import to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as alert_tables
from ingest.ledger.tables import articles as article_tables
from ingest.ledger.tables import feeds as feed_tables
from ingest.verdict import Abort, Retry
from search.alerts.acts import act
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.index.elastic import mapping
from search.index.elastic.follow import BATCH, Follower
from search.index.elastic.rebuilding import Rebuilding
from search.index.elastic.searching import walk
from search.query.parse import parse
from search.watch import Watch
from search.watches import WatchStore

pytestmark = pytest.mark.servers

KINDS = ("elasticsearch9", "elasticsearch8")
WORDS = "Washington eased its sanctions on potash."


@pytest.fixture(params=KINDS)
def index(request):
    with elastic(request.param) as made:
        yield made


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.db", clock=lambda: NOON)
    yield opened
    opened.close()


@pytest.fixture
def follower(ledger, index):
    seconds = [0.0]

    def timer():
        seconds[0] += 1000.0  # rejected records are settled at every step
        return seconds[0]

    return Follower(ledger, index.server, clock=lambda: NOON, timer=timer)


def there(index, kind):
    see(index)
    found = walk(index.server, mapping.alias(index.server.settings, kind), {})
    return {hit["_id"]: hit["_source"] for hit in found}


def ring(ledger, *names):
    store = WatchStore(ledger, parse, clock=lambda: NOON)
    store.put(Watch(id="eased", name="Sanctions eased", query="topic:sanctions.eased", severity="high"), by="Ana")
    stage = WatchStage(ledger, store, Engine(), clock=lambda: NOON, plan_checks=lambda *_: None)
    tags = [topic(text=WORDS, words="eased its sanctions", target="Q184")]
    stage.handle([told(name, title="Relief", text=WORDS, topics=tags, story=name) for name in names])


def poll(ledger, count, **more):
    row = {"feed": "f1", "at": to_ms(NOON), "outcome": "new", "status": 200, "entries": 3, "new": 1, "detail": "fine"}
    with ledger.begin() as transaction:
        transaction.execute(insert(feed_tables.polls), [row | more for _ in range(count)])


def put_aside(ledger, record, at=NOON, **more):
    with ledger.begin() as transaction:
        return rejected.reject(
            transaction, stage="extract", record=record, reason="no text", data=b"12345", at_ms=to_ms(at), **more
        )


def test_an_alert_comes_with_what_people_chart_and_changes_when_they_act(ledger, index, follower):
    ring(ledger, "s1")
    assert follower.step() == 1
    ((name, alert),) = there(index, "alerts").items()
    wanted = {
        "watch": "eased", "watch_name": "Sanctions eased", "severity": "high", "state": "open", "story": "s1",
        "title": ["Relief"], "passage": [WORDS], "topic_name": ["sanctions.eased"], "topic": ["sanctions.eased.done"],
        "target": ["Q184"], "source": ["outlet"], "articles": 1, "sources": 1, "rings": 1, "seen": to_ms(NOON),
        "rang": to_ms(NOON),
    }  # fmt: skip
    assert {field: alert[field] for field in wanted} == wanted
    assert follower.step() == 0
    act(ledger, name, "acknowledged", by="Ana", clock=lambda: NOON + timedelta(minutes=1))
    assert follower.step() == 1
    assert there(index, "alerts")[name]["state"] == "acknowledged"


def test_polls_come_with_their_feed_each_in_the_month_it_was_made(ledger, index, follower):
    with ledger.begin() as transaction:
        feed = {
            "id": "f1", "url_given": "https://a.example/f", "url": "https://a.example/f", "title": "A feed", "added": 0,
            "next_poll": 0, "interval_seconds": 60.0, "first_poll": 0, "last_new": to_ms(NOON - timedelta(days=40)),
        }  # fmt: skip
        transaction.execute(insert(feed_tables.feeds).values(feed))
    poll(ledger, 2)
    poll(ledger, 1, at=to_ms(NOON - timedelta(days=39)), feed="unknown")
    assert follower.step() == 3
    found = there(index, "polls")
    assert [found[name]["silent"] for name in ("1", "2", "3")] == [True, True, False]
    assert (found["1"]["feed_title"], found["1"]["new"], found["1"]["seen"]) == ("A feed", 1, to_ms(NOON))
    assert "feed_title" not in found["3"]


def test_a_rejected_record_follows_its_state_though_its_time_stays(ledger, index, follower):
    first, second = put_aside(ledger, "e1"), put_aside(ledger, "e2")
    follower.step()
    assert {name: (one["state"], one["bytes"]) for name, one in there(index, "rejected").items()} == {
        first: ("open", 5), second: ("open", 5),
    }  # fmt: skip
    with ledger.begin() as transaction:
        rejected.resolve(transaction, stage="extract", records=["e1"])
        transaction.execute(delete(article_tables.rejected).where(article_tables.rejected.c.id == second))
    see(index)
    follower.step()
    assert {name: one["state"] for name, one in there(index, "rejected").items()} == {first: "resolved"}


def test_a_follower_goes_on_where_another_stopped_and_sends_little_again(ledger, index, follower):
    poll(ledger, 2 * BATCH + 10)
    assert follower.step() == 2 * BATCH + 10
    poll(ledger, 1)
    other = Follower(ledger, index.server, clock=lambda: NOON)
    assert other.step() <= 2 * BATCH + 11
    assert len(there(index, "polls")) == 2 * BATCH + 11
    assert (follower.step(), follower.step()) == (1, 0)


def test_what_commits_late_with_an_earlier_time_is_not_passed_over(ledger, index, follower):
    put_aside(ledger, "e1", at=NOON)
    follower.step()
    put_aside(ledger, "e2", at=NOON - timedelta(seconds=30))
    assert follower.step() == 1
    assert len(there(index, "rejected")) == 2


def test_a_rebuilt_index_is_followed_anew(ledger, index, follower):
    ring(ledger, "s1", "s2")
    poll(ledger, 3)
    put_aside(ledger, "e1")
    follower.step()
    with ledger.begin() as transaction:
        transaction.execute(delete(feed_tables.polls).where(feed_tables.polls.c.id == 1))  # too old for the ledger
    before = {kind: there(index, kind) for kind in ("alerts", "polls", "rejected")}
    Rebuilding(index.server, sleep=no_wait).run()
    assert {kind: there(index, kind) for kind in before} == before
    assert follower.step() == 2 + 2 + 1  # all that the ledger has
    assert {kind: there(index, kind) for kind in before} == before


def test_an_older_state_of_an_alert_never_replaces_a_newer_one(ledger, index, follower):
    ring(ledger, "s1")
    with ledger.read() as connection:
        (old,) = connection.execute(select(alert_tables.alerts)).all()
    act(ledger, old.id, "acknowledged", by="Ana", clock=lambda: NOON + timedelta(minutes=1))
    follower.step()
    follower._records.add_alerts([old])
    assert there(index, "alerts")[old.id]["state"] == "acknowledged"


def test_a_document_that_is_refused_holds_up_no_other(ledger, index, follower, caplog):
    poll(ledger, 1, status=10**12)  # larger than the field takes
    poll(ledger, 1)
    follower.step()
    assert set(there(index, "polls")) == {"2"}
    assert "record refused" in caplog.text


def test_without_indices_it_says_what_to_run(ledger, request):
    with elastic("elasticsearch9", applied=False) as bare, pytest.raises(Abort, match="tocsin index apply"):
        Follower(ledger, bare.server).step()


def test_while_the_server_is_away_it_waits_and_nothing_is_passed_over(ledger, index, follower):
    poll(ledger, 1)
    away = Follower(ledger, type(index.server)(type(index.server.settings)(url="http://127.0.0.1:9")))
    with pytest.raises(Retry, match="is away"):
        away.step()
    assert follower.step() == 1
