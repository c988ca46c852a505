from dataclasses import replace
from datetime import timedelta

import pytest
from building import NOON, told, topic
from sqlalchemy import select

from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from search.alerts.engine import Engine
from search.query.parse import parse
from search.watch import Watch
from search.watches import WatchError, WatchStore, check, read_watches, slug

EASED = Watch(id="eased", name="Sanctions eased", query="topic:sanctions.eased")
FILE = """
[[watch]]
name = "Sanctions eased"
query = "topic:sanctions.eased"
severity = "high"
desk = "Sanctions"
channels = ["mail"]
must_ring = ["They eased their sanctions."]
must_not_ring = ["They kept their sanctions."]

[[watch]]
name = "Talks"
query = '''
topic:talks
  OR negotiations
'''
"""


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def store(ledger):
    times = iter(NOON + timedelta(minutes=minute) for minute in range(100))
    return WatchStore(ledger, parse, clock=lambda: next(times))


def read(text):
    return read_watches(text, "watches.toml", parse)


# The file


def test_a_file_gives_its_watches():
    first, second = read(FILE)
    assert (first.id, first.severity, first.desk, first.channels) == ("sanctions-eased", "high", "Sanctions", ("mail",))
    assert first.must_ring == ("They eased their sanctions.",)
    assert (second.query, second.severity, second.enabled) == ("topic:talks OR negotiations", "medium", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[watch]\n", "watches.toml: not TOML: .*line 1"),
        ("[[watches]]\n", r"write each watch as \[\[watch\]\]"),
        ("[watch]\nname = 'x'\n", r"write each watch as \[\[watch\]\]"),
        ("\n\n[[watch]]\nquery = 'a'\n", 'watches.toml, line 3: a watch needs a name: write name = "..."'),
        ("[[watch]]\nname = 'x'\n", "line 1: watch 'x': a watch needs a query"),
        ("[[watch]]\nname = 'x'\nquerry = 'a'\n", "querry is not known; did you mean query"),
        ("[[watch]]\nname = 'x'\nquery = 'a'\nversion = 3\n", "version is not known"),
        ("[[watch]]\nname = 'x'\nquery = 'a'\nseverity = 'grave'\n", "write one of high, medium, low"),
        ("[[watch]]\nname = 'x'\nquery = 'a'\nchannels = 'mail'\n", "channels is a list"),
        ("[[watch]]\nname = 'x'\nquery = 3\n", "query is a text"),
        ("[[watch]]\nname = 'x'\nquery = 'a'\nenabled = 'no'\n", "enabled is true or false"),
        ("[[watch]]\nname = 'x'\nquery = 'a'\n[[watch]]\nname = 'X!'\nquery = 'b'\n", "line 4: a second watch"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(text, said):
    with pytest.raises(WatchError, match=said):
        read(text)


def test_a_refused_query_is_passed_on_with_its_place():
    with pytest.raises(WatchError, match="line 1: watch 'x': query: ") as refused:
        read("[[watch]]\nname = 'x'\nquery = '*ash'\n")
    assert refused.value.place is None or refused.value.place >= 0
    assert "query" in str(refused.value)


def test_lines_are_left_out_where_headers_cannot_be_told_from_text():
    text = "[[watch]]\nname = 'x'\nnote = '''\n[[watch]]\n'''\n"
    with pytest.raises(WatchError, match=r"^watches\.toml: watch 'x': a watch needs a query"):
        read(text)


def test_names_in_any_script_give_ids():
    assert slug("  Release -- for relief!") == "release-for-relief"
    assert slug("Смягчение санкций") == "смягчение-санкций"
    assert slug("!!!") == slug("!!!") != slug("???")


# Versions


def test_every_change_is_a_version_with_a_name(ledger, store):
    store.put(EASED, by="Ana")
    store.put(replace(EASED, severity="high"), by="Ben")
    store.switch("eased", enabled=False, by="Ana")
    assert [(one.watch.version, one.by, one.watch.severity, one.watch.enabled) for one in store.versions("eased")] == [
        (3, "Ana", "high", False),
        (2, "Ben", "high", True),
        (1, "Ana", "medium", True),
    ]
    assert store.version("eased", 1).severity == "medium"
    assert store.version("eased", 9) is None
    with ledger.read() as connection:
        audit = [(row.who, row.what, row.detail) for row in connection.execute(select(tables.audit))]
    assert audit == [
        ("Ana", "watch made", "version 1"),
        ("Ben", "watch changed", "version 2: severity"),
        ("Ana", "watch changed", "version 3: enabled"),
    ]


def test_what_changes_nothing_is_no_version(store):
    store.put(EASED, by="Ana")
    assert store.put(EASED, by="Ben").version == 1
    assert len(store.versions("eased")) == 1


def test_a_change_is_seen_at_once_and_moves_the_revision(store):
    before = store.revision
    assert store.listing() == []
    store.put(EASED, by="Ana")
    assert [watch.name for watch in store.listing()] == ["Sanctions eased"]
    assert store.revision != before


@pytest.mark.parametrize(
    "wrong", [{"query": " "}, {"query": "*ash"}, {"name": ""}, {"severity": "grave"}, {"id": "a/b"}]
)
def test_a_watch_that_cannot_be_used_is_not_stored(store, wrong):
    with pytest.raises(ValueError):
        store.put(replace(EASED, **wrong), by="Ana")
    assert store.listing() == []


def test_switching_what_is_not_there_says_so(store):
    with pytest.raises(WatchError, match="no watch 'x'"):
        store.switch("x", enabled=True, by="Ana")


# The file and the desk


def test_the_same_file_again_changes_nothing(store):
    assert len(store.synchronise(read(FILE))) == 2
    assert store.synchronise(read(FILE)) == []
    assert [watch.version for watch in store.listing()] == [1, 1]


def test_a_file_that_did_not_change_overrides_nobody(store):
    store.synchronise(read(FILE))
    store.put(replace(store.get("talks"), severity="high"), by="Ana")
    store.switch("sanctions-eased", enabled=False, by="Ben")
    assert store.synchronise(read(FILE)) == []
    assert store.get("talks").severity == "high"
    assert not store.get("sanctions-eased").enabled


def test_a_file_that_changed_makes_a_new_version(store):
    store.synchronise(read(FILE))
    said = store.synchronise(read(FILE.replace("topic:talks\n", "topic:talks.held\n")))
    assert said == ["talks: version 2 from the file"]
    assert store.get("talks").query == "topic:talks.held OR negotiations"


def test_a_watch_that_leaves_the_file_is_switched_off_and_comes_back_on(store):
    store.synchronise(read(FILE))
    assert "no more" in store.synchronise(read(FILE)[:1])[0]
    assert not store.get("talks").enabled
    assert store.synchronise(read(FILE)[:1]) == []
    store.synchronise(read(FILE))
    assert store.get("talks").enabled


def test_a_watch_of_the_desk_is_not_the_files_business(store):
    store.put(EASED, by="Ana")
    store.synchronise(read(FILE))
    assert store.get("eased").enabled


# Examples


def test_examples_are_tried_and_say_why():
    def enrich(text):
        done = topic(words="eased", text=text) if "eased" in text else topic("sanctions.extended", text=text)
        return told("example", text=text, topics=[done]).enriched

    watch = replace(EASED, must_ring=("They eased sanctions.", "They will."), must_not_ring=("They kept sanctions.",))
    tried = check(watch, enrich, Engine().explain)
    assert [(one.must_ring, one.rings, one.passed) for one in tried] == [
        (True, True, True),
        (True, False, False),
        (False, False, True),
    ]
    assert tried[0].why.evidence[0].words == "eased"
    assert tried[1].article.topics[0].topic == "sanctions.extended"


def test_examples_of_a_query_that_cannot_be_read_are_refused():
    with pytest.raises(WatchError, match="query"):
        check(replace(EASED, query="*ash", must_ring=("a",)), lambda text: told(text=text).enriched, Engine().explain)
