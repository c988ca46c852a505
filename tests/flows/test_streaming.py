"""`tocsin stream`: the same answers whether the records stand in the folder or at brokers."""

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from route_kit import finished, objects, tocsin
from servers import server
from stream_kit import own_topics, read, texts

from flows.home import Home
from flows.settings import read_settings
from flows.stream.embedded import EmbeddedStream
from ingest.clock import now
from ingest.ledger import Ledger


@contextmanager
def both(place):
    """The folder's stream as its own processes use it."""
    ledger = Ledger.open(place / "ledger.db")
    settings = read_settings(Home(place)).stream
    if settings.url:
        from flows.stream.kafka import KafkaStream

        stream = KafkaStream(settings, ledger=ledger)
    else:
        stream = EmbeddedStream(ledger)
    try:
        yield stream, ledger
    finally:
        stream.close()
        ledger.close()


def configured(place, settings, **more):
    given = {"url": settings.url, "prefix": settings.prefix, "partitions": settings.partitions, "wait_seconds": 5}
    lines = [f"{name} = {json.dumps(value)}" for name, value in (given | more).items()]
    (place / "tocsin.toml").write_text("\n".join(["[stream]", *lines]))


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.servers)])
def place(request, tmp_path):
    if request.param == "embedded":
        Ledger.open(tmp_path / "ledger.db").close()
        yield tmp_path
        return
    with own_topics(server("kafka").url) as settings:
        configured(tmp_path, settings)
        Ledger.open(tmp_path / "ledger.db").close()
        yield tmp_path


def record(number):
    return json.dumps({"id": f"a{number}", "text": "word " * 100, "links": ["x" * 300]}).encode()


def test_lag_shows_how_far_each_stage_is(place):
    with both(place) as (stream, _):
        stream.send("told", [("s", record(number)) for number in range(5)])
        stream.commit("index", "told", read(stream, "index", "told", 2))
    found = objects(tocsin("stream", "lag", "--json", home=place))
    assert [one["stage"] for one in found if one["partition"] == 0] == [
        "extract",
        "enrich",
        "stories",
        "index",
        "watch",
    ]
    waiting = {stage: sum(one["waiting"] for one in found if one["stage"] == stage) for stage in ("index", "watch")}
    assert waiting == {"index": 3, "watch": 5}
    assert {one["schema"] for one in found} == {"tocsin.lag/1"}
    assert "watch" in tocsin("stream", "lag", home=place)


def test_peek_prints_the_newest_those_from_a_place_or_a_time_and_what_a_stage_has_not_done(place):
    with both(place) as (stream, _):
        stream.send("told", [("s", record(number)) for number in range(3)])
        time.sleep(0.05)
        moment = now()
        time.sleep(0.05)
        stream.send("told", [("s", record(number)) for number in range(3, 6)])
        stream.commit("index", "told", read(stream, "index", "told", 4))

    def peek(*arguments):
        return objects(tocsin("stream", "peek", "told", *arguments, home=place))

    def ids(found):
        return [one["value"]["id"] for one in found]

    everything = peek("--limit", "99")
    assert ids(everything) == ["a0", "a1", "a2", "a3", "a4", "a5"]
    assert ids(peek("--limit", "2")) == ["a4", "a5"]
    assert ids(peek("--from", moment.isoformat())) == ["a3", "a4", "a5"]
    third = everything[2]
    assert ids(peek("--from", str(third["position"]), "--limit", "2")) == ["a2", "a3"]
    assert ids(peek("--from", f"{third['partition']}:{third['position']}", "--limit", "1")) == ["a2"]
    assert ids(peek("--stage", "index")) == ["a4", "a5"]
    assert third["value"]["text"].endswith("… and 300 characters more")
    assert third["value"]["links"][0].endswith("… and 100 characters more")
    assert peek("--from", str(third["position"]), "--whole")[0]["value"] == json.loads(record(2))
    assert third["bytes"] == len(record(2))


def test_peek_says_what_is_wrong_with_what_was_asked(place):
    for arguments, said in (
        (("nowhere",), "there are entries, articles, enriched, told"),
        (("told", "--stage", "enrich"), "enrich reads articles, not told"),
        (("told", "--stage", "deliver"), "no stage 'deliver' reads a topic"),
    ):
        done = finished("stream", "peek", *arguments, home=place)
        assert done.returncode == 1
        assert said in done.stderr
    assert finished("stream", "peek", "told", "--from", "soon", home=place).returncode == 2


def test_replay_puts_a_stage_back_to_a_time_and_all_since_then_comes_again(place):
    with both(place) as (stream, _):
        stream.send("told", [(f"s{number}", record(number)) for number in range(20)])
        time.sleep(0.05)
        moment = now().isoformat()
        time.sleep(0.05)
        later = [(f"s{number}", record(number)) for number in range(20, 30)]
        stream.send("told", later)
        stream.commit("index", "told", read(stream, "index", "told", 30))
        stream.commit("watch", "told", read(stream, "watch", "told", 5))
    before = tocsin("stream", "lag", "--json", home=place)
    dry = finished("stream", "replay", "index", "--from", moment, "--dry-run", home=place)
    assert "10 records would come again to index" in dry.stderr
    assert tocsin("stream", "lag", "--json", home=place) == before
    done = finished("stream", "replay", "index", "--from", moment, home=place)
    assert "10 records come again to index" in done.stderr
    assert "nothing rings twice" in done.stderr
    none = finished("stream", "replay", "index", "--from", datetime(2200, 1, 1, tzinfo=UTC).isoformat(), home=place)
    assert (none.returncode, "nothing comes again" in none.stderr) == (0, True)
    with both(place) as (stream, _):
        assert sorted(texts(read(stream, "index", "told", 10))) == sorted(value for _, value in later)
        assert stream.lag("watch", "told") == 25


def test_replay_refuses_while_the_stage_runs(place):
    from flows.opening import owning

    arguments = ("stream", "replay", "index", "--from", "2026-01-01")
    with both(place) as (stream, _):
        stream.send("told", [("s", record(1))])
        stream.commit("index", "told", read(stream, "index", "told", 1))
        if stream.in_ledger:
            with owning(Home(place)):
                done = finished(*arguments, home=place)
        else:
            done = finished(*arguments, home=place)
        assert done.returncode == 1
        assert "in use by process" in done.stderr or "1 workers of index are running" in done.stderr
        assert stream.lag("index", "told") == 0


def test_a_folder_without_brokers_needs_no_topics(tmp_path):
    assert "it needs no topics" in tocsin("stream", "apply", home=tmp_path)


@pytest.mark.servers
def test_apply_makes_what_is_missing_and_shows_what_differs_without_forcing_it(tmp_path):
    with own_topics(server("kafka").url, ("told", "entries")) as settings:
        configured(tmp_path, settings)
        made = objects(tocsin("stream", "apply", "--json", home=tmp_path))
        try:
            assert {one["topic"].removeprefix(settings.prefix): one["made"] for one in made} == {
                "entries": False,
                "articles": True,
                "enriched": True,
                "told": False,
            }
            assert all(not one["differences"] for one in made)
            configured(tmp_path, settings, partitions=5, retention_hours=3, record_bytes=2_000_000)
            for _ in range(2):  # the second sees that the first changed nothing
                done = finished("stream", "apply", home=tmp_path)
                assert done.returncode == 1
                said = [line for line in done.stdout.splitlines() if ".articles:" in line]
                assert len(said) == 1
                for part in ("3 partitions, the settings say 5", "retention.ms is 604800000", "max.message.bytes is"):
                    assert part in said[0]
        finally:
            from flows.stream.kafka_connect import Brokers

            brokers = Brokers(settings)
            names = [settings.prefix + topic for topic in ("articles", "enriched")]
            brokers.ask(lambda client: client.delete_topics(names))
            brokers.close()


@pytest.mark.servers
def test_what_waits_for_the_relay_is_counted_and_shown(tmp_path):
    with own_topics(server("kafka").url) as settings:
        configured(tmp_path, settings)
        with both(tmp_path) as (stream, ledger):
            stream.send("told", [("s", record(0))])
            with ledger.begin() as transaction:
                ledger.publish(transaction, "told", [("s", record(1)), ("s", record(2))])
        found = objects(tocsin("stream", "lag", "--json", home=tmp_path))
        assert [one["waiting"] for one in found if one["stage"] == "index" and one["partition"] is None] == [2]
        assert "on its way" in tocsin("stream", "lag", home=tmp_path)
        seen = objects(tocsin("stream", "peek", "told", "--stage", "index", home=tmp_path))
        assert sorted(one["value"]["id"] for one in seen) == ["a0", "a1", "a2"]
        assert [one["partition"] for one in seen].count(None) == 2


@pytest.mark.servers
def test_missing_topics_are_told_with_what_to_do(tmp_path):
    Ledger.open(tmp_path / "ledger.db").close()
    (tmp_path / "tocsin.toml").write_text(f'[stream]\nurl = "{server("kafka").url}"\nprefix = "none-such."\n')
    done = finished("stream", "lag", home=tmp_path)
    assert done.returncode == 1
    assert "run `tocsin stream apply`" in done.stderr
