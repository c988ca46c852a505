"""An index is made anew while people search and writers write, and nothing is lost."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from building import NOON, told, topic
from index_kit import elastic, no_wait, put, see

from ingest.verdict import Abort, Retry
from search.index.elastic import mapping
from search.index.elastic.index import ElasticIndex
from search.index.elastic.places import behind
from search.index.elastic.rebuilding import Rebuilding
from search.query.parse import parse
from search.query.tree import All

pytestmark = pytest.mark.servers

KINDS = ("elasticsearch9", "elasticsearch8")


@pytest.fixture(params=KINDS)
def index(request):
    with elastic(request.param, timeout_seconds=180.0) as made:  # as `tocsin index reindex` waits
        yield made


def generations(index):
    settings = index.server.settings
    return {
        kind: {mapping.generation_of(settings, kind, name) for name in behind(index.server, kind)}
        for kind in mapping.KINDS
    }


def events(index):
    see(index)
    alias = mapping.alias(index.server.settings, "events")
    return {hit["_id"]: hit["_source"] for hit in index.walk(alias, {})}


def rebuilding(index, sleep=no_wait):
    return Rebuilding(index.server, sleep=sleep)


def revisions(index):
    see(index)
    found = index.search(All(), limit=10_000).articles
    return {one.enriched.article.id: one.enriched.article.revision for one in found}


def test_a_new_generation_has_everything_and_the_old_one_is_gone(index):
    put(
        index,
        told("a", text="word", topics=[topic(), topic("prisoners.released")]),
        told("b", text="word", seen=datetime(2025, 11, 1, tzinfo=UTC)),
    )
    before = {one.enriched.article.id: one for one in index.search(All()).articles}
    done = rebuilding(index).run()
    assert (done.articles, done.generation, done.refused) == (2, 2, {})
    assert generations(index) == {kind: {2} for kind in mapping.KINDS}
    assert {one.enriched.article.id: one for one in index.search(All()).articles} == before
    assert set(events(index)) == {"a:0", "a:1"}
    assert index.server.ask("GET", f"/{index.server.settings.name}-*-v1*/_alias") == {}
    index.check()


def test_articles_on_the_stream_come_too_and_the_newest_revision_wins(index):
    put(index, told("a", text="second", revision=2), told("b", text="as it stands", story="merged"))
    stream = [
        told("a", text="first"),
        told("b", text="as it was told"),
        told("c", text="only there"),
        told("c", revision=2),
    ]
    rebuilding(index).run(stream)
    assert revisions(index) == {"a": 2, "b": 1, "c": 2}
    assert index.ids(parse("story:merged")) == {"b"}


def test_what_is_written_meanwhile_is_there_afterwards_and_no_search_meets_a_gap(index):
    first = [told(f"a{number}", text="word", topics=[topic()]) for number in range(300)]
    put(index, *first)
    over = threading.Event()
    written, gaps, troubles, finished = {}, [], [], []

    def write(name):
        mine = ElasticIndex(index.server.settings, sleep=no_wait)
        number = 0
        try:
            while not over.is_set() or number < 20:
                number += 1
                seen = NOON + timedelta(days=40 * (number % 4))  # months that are there, and months that are not
                changed = told(f"a{number % 300}", text="word", revision=number // 300 + 2, seen=seen)
                batch = [told(f"{name}{number}", text="word", seen=seen, topics=[topic()] * (number % 3)), changed]
                while True:
                    try:
                        mine.add(batch)
                        break
                    except Retry:
                        if over.wait(0.05) and not finished:  # as the worker does, but for a rebuild that failed
                            return
                threading.Event().wait(0.02)  # leaves the server to the others, too
                for one in batch:
                    written[name, one.enriched.article.id] = one.enriched.article.revision
        except Exception as error:  # noqa: BLE001 - told by the test
            troubles.append(error)
        finally:
            mine.close()

    def search():
        while not over.is_set():
            try:
                found = index.search(All(), limit=1).total
                if found < 300:
                    gaps.append(found)
                over.wait(0.01)
            except Exception as error:  # noqa: BLE001 - told by the test
                troubles.append(error)

    threads = [threading.Thread(target=write, args=("x",)), threading.Thread(target=write, args=("y",))]
    threads.append(threading.Thread(target=search))
    for thread in threads:
        thread.start()
    try:
        assert rebuilding(index, time.sleep).run().generation == 2
        finished.append(True)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert (gaps, troubles) == ([], [])
    expected = {one.enriched.article.id: 1 for one in first}
    for (_, name), revision in written.items():
        expected[name] = max(revision, expected.get(name, 0))
    assert len(expected) > 340
    assert revisions(index) == expected
    assert len(index.search(All(), limit=10_000).articles) == index.search(All()).total
    changed = {name.split(":")[0] for name in events(index)} & {name for name, number in expected.items() if number > 1}
    assert changed == set()  # the later revisions tell no event: those of the first are gone


def test_a_rebuild_that_was_cut_off_is_told_and_can_be_done_over(index):
    put(index, told("a", text="word"))

    def cut():
        yield told("b")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuilding(index).run(cut())
    put(index, told("c"))
    with pytest.raises(Abort, match="--over"):
        rebuilding(index).run()
    assert rebuilding(index).run(over=True).generation == 2
    assert revisions(index) == {"a": 1, "c": 1}


def test_writers_wait_while_the_index_is_closed_and_go_on_after_a_rebuild_that_died_then(index):
    put(index, told("a", text="word"))
    dying = rebuilding(index)
    dying._close()  # and the process is killed
    writer = ElasticIndex(index.server.settings, sleep=no_wait)
    for waiting in (told("b"), told("c", seen=NOON + timedelta(days=90))):
        with pytest.raises(Retry, match="exchanged"):
            writer.add([waiting])
    rebuilding(index).run(over=True)
    writer.add([told("b"), told("c", seen=NOON + timedelta(days=90)), told("a", revision=2)])
    assert revisions(index) == {"a": 2, "b": 1, "c": 1}
    writer.close()


def test_a_failed_rebuild_lets_writers_go_on(index, monkeypatch):
    put(index, told("a"))
    failing = rebuilding(index)
    monkeypatch.setattr(failing, "_exchange", lambda *_: (_ for _ in ()).throw(Retry("the server went away")))
    with pytest.raises(Retry):
        failing.run()
    put(index, told("b"), told("c", seen=NOON + timedelta(days=90)))
    assert revisions(index) == {"a": 1, "b": 1, "c": 1}


def test_old_indices_can_be_kept(index):
    put(index, told("a"))
    rebuilding(index).run(keep_old=True)
    rebuilding(index).run()
    assert revisions(index) == {"a": 1}
    assert index.server.ask("GET", f"/{index.server.settings.name}-articles-v1*/_alias")


def test_another_mapping_is_told_at_start_and_a_rebuild_mends_it(index):
    put(index, told("a", text="word"))
    alias = mapping.alias(index.server.settings, "articles")
    index.server.ask("PUT", f"/{alias}/_mapping", {"properties": {"strange": {"type": "keyword"}}, "_meta": {}})
    with pytest.raises(Abort, match=r"another mapping.*tocsin index reindex"):
        index.check()
    rebuilding(index).run()
    index.check()
    assert revisions(index) == {"a": 1}
