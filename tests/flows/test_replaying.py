"""Replay: what other packs would change is shown by watch, and nothing rings."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from enrich.article import ToldArticle
from enrich.enricher import Enricher
from enrich.face import sentence_article
from enrich.topics.packs import FOLDER
from flows.home import Home, packs_cache
from flows.opening import owning, reading_index
from flows.replaying import ReplayAsked, replay_once, sentences
from flows.running import drain_once
from ingest import wire
from ingest.entry import Origin
from ingest.ledger.tables import alerts as tables
from ingest.ledger.tables import stories as story_tables
from ingest.ledger.tables.stream import records
from ingest.verdict import Abort, Reject
from search.alerts.engine import Engine
from search.alerts.stage import WatchStage
from search.query.tree import All
from search.watch import Watch

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=1)}
SAID = {
    "eased": "Washington eased its sanctions on Belarus on Monday.",
    "imposed": "Britain imposed sanctions on four arms dealers on Wednesday.",
    "free": "Three prisoners were released in Minsk on Monday.",
}


@pytest.fixture(scope="module")
def told():
    enricher = Enricher.load(packs_cache())
    texts = [(name, sentence_article(text, now=NOON)) for name, text in SAID.items()]
    articles = [replace(article, id=name, url=f"https://a.example/{name}", title=name) for name, article in texts]
    live = [replace(article, origin=Origin.LIVE, seen=NOON) for article in articles]
    return [ToldArticle(enriched=enricher.enrich(article), story=f"s-{article.id}") for article in live]


@pytest.fixture
def home(tmp_path, told):
    """A folder where three articles came, one rang, and all were indexed."""
    home = Home(tmp_path / "home")
    with owning(home) as parts:
        parts.watches.put(Watch(id="eased", name="Eased", query="topic:sanctions.eased"), by="Ana")
        parts.watches.put(Watch(id="free", name="Free", query="topic:prisoners.released"), by="Ana")
        parts.watches.put(Watch(id="off", name="Off", query="topic:sanctions.eased", enabled=False), by="Ana")
        WatchStage(parts.ledger, parts.watches, Engine(), clock=lambda: NOON).handle(told)
        parts.index.add(told)
        with parts.ledger.begin() as transaction:  # as the stories stage keeps them
            for one in told:
                row = {
                    "article": one.enriched.article.id,
                    "story": one.story,
                    "revision": 1,
                    "language": "en",
                    "seen": 0,
                }
                transaction.execute(story_tables.members.insert().values(row))
    return home


@pytest.fixture
def packs(tmp_path):
    """Packs in which nobody eases anything."""
    folder = tmp_path / "packs"
    shutil.copytree(FOLDER, folder)
    english = folder / "en.toml"
    words = english.read_text(encoding="utf-8").splitlines()
    at = words.index('ease = """')
    words[at + 1 : words.index('"""', at)] = ["unheard of"]
    english.write_text("\n".join(words) + "\n", encoding="utf-8")
    return folder


def rows(done):
    return {row.watch: (row.same, row.gained, row.lost, row.changed) for row in done.watches}


def written(home):
    with owning(home) as parts, parts.ledger.read() as connection:
        events = connection.execute(select(tables.alert_events.c.kind)).scalars().all()
        values = connection.execute(select(records.c.value).where(records.c.topic == "enriched")).scalars().all()
    return sorted(events), values


def test_the_same_packs_change_nothing(home):
    before = written(home)
    done = replay_once(home, ReplayAsked(**DAY))
    assert (done.articles, done.retagged, done.differences) == (3, 0, ())
    assert rows(done) == {"eased": (1, 0, 0, 0), "free": (1, 0, 0, 0)}
    assert written(home) == before


def test_other_packs_show_which_alerts_would_differ_by_watch(home, packs):
    before = written(home)
    done = replay_once(home, ReplayAsked(**DAY, packs=packs))
    assert rows(done) == {"eased": (0, 0, 1, 0), "free": (1, 0, 0, 0)}
    (lost,) = done.differences
    assert (lost.watch, lost.change, lost.title, lost.state) == ("eased", "lost", "eased", "open")
    assert lost.before == ("sanctions.eased done",)
    assert lost.after == ()
    assert written(home) == before  # nothing rang, nothing was written
    assert "eased: 0 same, 0 gained, 1 lost, 0 changed" in list(sentences(done))


def test_it_reads_beside_the_process_that_owns_the_folder(home):
    with owning(home):
        assert replay_once(home, ReplayAsked(**DAY)).articles == 3
        with pytest.raises(Abort, match="in use"):
            replay_once(home, ReplayAsked(**DAY, apply=True))


def test_applied_the_new_tags_take_the_place_of_the_old_and_ring_nothing(home, told):
    stale = replace(told[0], enriched=replace(told[0].enriched, topics=()))  # as an earlier pack had told it
    with owning(home) as parts:
        parts.index.add([stale])
    shown = replay_once(home, ReplayAsked(**DAY))
    assert rows(shown)["eased"] == (0, 1, 0, 0)
    assert shown.differences[0].state == "open"  # it rang before: nobody is told again
    events, _ = written(home)
    done = replay_once(home, ReplayAsked(**DAY, apply=True))
    assert (done.retagged, done.applied) == (1, 1)
    for stage in ("stories", "index", "watch"):
        assert drain_once(home, stage)["after"] == 0
    found = {one.enriched.article.id: one for one in reading_index(home).search(All()).articles}
    assert [topic.topic for topic in found["eased"].enriched.topics] == ["sanctions.eased"]
    assert found["eased"].story == "s-eased"
    assert found["eased"].enriched.article.origin == Origin.REPLAY
    assert written(home)[0] == events
    assert replay_once(home, ReplayAsked(**DAY, apply=True)).applied == 0


def test_only_articles_that_arrived_in_the_range_are_looked_at(home):
    assert replay_once(home, ReplayAsked(since=NOON - timedelta(days=1), until=NOON)).articles == 0
    assert replay_once(home, ReplayAsked(since=NOON, until=NOON + timedelta(seconds=1))).articles == 3


def test_differences_over_the_limit_are_counted(home, packs):
    done = replay_once(home, ReplayAsked(**DAY, packs=packs, limit=0))
    assert (done.differences, done.left_out) == ((), 1)


def test_what_cannot_be_asked_says_what_to_write(home, tmp_path):
    for wrong, kind, said in (
        ({"until": DAY["since"]}, Reject, "the range is empty"),
        ({"since": datetime(2026, 1, 1)}, Reject, "has no time zone"),
        ({"packs": tmp_path, "apply": True}, Reject, "only the installed packs can be applied"),
        ({"packs": tmp_path}, Abort, "there is no rules.toml"),
        ({"watch": "absent"}, Reject, "there is no watch 'absent'"),
    ):
        with pytest.raises(kind, match=said):
            replay_once(home, ReplayAsked(**{**DAY, **wrong}))


def test_what_it_applies_is_the_record_that_the_stage_gives(home, told):
    with owning(home) as parts:
        parts.index.add([replace(told[0], enriched=replace(told[0].enriched, topics=()))])
    replay_once(home, ReplayAsked(**DAY, apply=True))
    (value,) = written(home)[1]
    enriched = wire.decode(value, type(told[0].enriched))
    assert enriched.topics == told[0].enriched.topics
