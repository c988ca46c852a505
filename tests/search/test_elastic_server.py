"""What can be wrong with a server is told in words, and waited for where waiting is right."""

import base64
import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from building import NOON, told, topic
from index_kit import elastic, elastic_settings, no_wait, put, see, take_away
from servers import own_server, server

from ingest.verdict import Abort, Reject, Retry
from search.index.elastic import mapping
from search.index.elastic.applying import apply
from search.index.elastic.index import ElasticIndex
from search.index.elastic.searching import walk
from search.index.elastic.server import Server
from search.index.elastic.surveying import survey, without
from search.index.settings import IndexSettings
from search.query.parse import parse
from search.query.tree import All, And, Or, Phrase, Term

pytestmark = pytest.mark.servers

KINDS = ("elasticsearch9", "elasticsearch8")


@contextmanager
def answering(status, body, **headers):
    """A server of another kind, or of another age: it says the same to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_):
            return

    remote = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=remote.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{remote.server_port}"
    finally:
        remote.shutdown()
        thread.join()
        remote.server_close()


def about(url, **more):
    remote = Server(IndexSettings(url=url, **more))
    try:
        return remote.about()
    finally:
        remote.close()


# At start


def test_a_server_that_is_away_is_waited_for_and_no_password_is_told():
    with pytest.raises(Retry, match=r"the index at 127.0.0.1:9 is away .*is it running\?") as told_of:
        about("http://ana:secret@127.0.0.1:9")
    assert "secret" not in str(told_of.value)


@pytest.mark.parametrize("url", ["127.0.0.1:9200", "http://host", "ftp://host:9200"])
def test_an_address_that_is_none_is_told(url):
    with pytest.raises(Abort, match="write https://host:9200"):
        about(url)


def test_a_server_that_is_no_elasticsearch_is_told():
    with answering(200, b"<html>", content_type="text/html") as url, pytest.raises(Abort, match="not Elasticsearch"):
        about(url)


def test_a_version_that_is_too_old_is_told():
    # As 7.17.29 answers this client.
    body = json.dumps({"nodes": {"1_U9pAfQTIi8ZzGDJDsTxA": {"version": "7.17.29"}}}).encode()
    with (
        answering(200, body, x_elastic_product="Elasticsearch") as url,
        pytest.raises(Abort, match=r"7\.17\.29.*8 or 9"),
    ):
        about(url)


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_that_is_missing_says_what_to_run(kind):
    with elastic(kind, applied=False) as index:
        for act in (index.check, lambda: index.add([told()]), lambda: index.ids(All()), lambda: index.per_day(All())):
            with pytest.raises(Abort, match="tocsin index apply"):
                act()
        apply(index.server)
        index.check()
        name = mapping.alias(index.server.settings, "articles")
        index.server.ask("DELETE", f"/_index_template/{name}")
        with pytest.raises(Abort, match=rf"no template {name}.*tocsin index apply"):
            index.check()
        with pytest.raises(Abort, match=rf"no template {name}.*tocsin index apply"):
            index.add([told(seen=NOON)])  # a month that is not there yet


@pytest.mark.parametrize("kind", KINDS)
def test_a_mapping_that_differs_is_shown_and_not_forced(kind):
    with elastic(kind) as index:
        assert apply(index.server) == ([], [])
        alias = mapping.alias(index.server.settings, "events")
        index.server.ask("PUT", f"/{alias}/_mapping", {"properties": {"odd": {"type": "keyword"}}})
        made, different = apply(index.server)
        assert made == []
        assert [line.split(": ", 1)[1] for line in different] == ["events: field odd is not known here"]
        assert apply(index.server)[1] == different


def test_a_document_that_another_mapping_does_not_know_stops_the_stage_and_is_nobodys_fault():
    with elastic("elasticsearch9") as index:
        path = f"/_index_template/{mapping.alias(index.server.settings, 'articles')}"
        body = mapping.template("articles", index.server.settings)
        del body["template"]["mappings"]["properties"]["new"]
        index.server.ask("PUT", path, body)
        with pytest.raises(Abort, match="another mapping"):
            index.add([told(new=("first telling",))])


# Credentials, on servers that ask for them


@pytest.fixture(scope="module", params=KINDS)
def guarded(request):
    with own_server(request.param, security=True, tls=True) as own:
        yield own


def test_credentials_are_asked_for_and_wrong_ones_are_told(guarded):
    ca = {"ca_file": guarded.certificate}
    for wrong in ({}, {"user": guarded.user, "password": "wrong"}, {"api_key": base64.b64encode(b"a:b").decode()}):
        with pytest.raises(Abort, match=r"set user and password, or api_key, in \[index\]") as told_of:
            about(guarded.url, **ca, **wrong)
        assert "wrong" not in str(told_of.value)
    with elastic("", url=guarded.url, user=guarded.user, password=guarded.password, **ca) as index:
        put(index, told("a", text="word"))
        assert index.ids(parse("word")) == {"a"}


def test_a_certificate_of_a_stranger_is_told(guarded):
    with pytest.raises(Abort, match=r"not trusted.*ca_file"):
        about(guarded.url, user=guarded.user, password=guarded.password)
    with pytest.raises(Abort, match="cannot be read"):
        about(guarded.url, ca_file="/nowhere/ca.pem")


# While it works


def narrow(index, field, kind="articles"):
    """Has the months to come take small numbers alone in a field, as if documents had outgrown them."""
    body = mapping.template(kind, index.server.settings)
    body["template"]["mappings"]["properties"][field] = {"type": "byte"}
    index.server.ask("PUT", f"/_index_template/{mapping.alias(index.server.settings, kind)}", body)


def event_ids(index):
    see(index)
    return {hit["_id"] for hit in walk(index.server, mapping.alias(index.server.settings, "events"), {})}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_server_refuses_is_told_with_its_reason_and_holds_up_no_other(kind):
    refused = {}
    with elastic(kind, refused=lambda one, why: refused.setdefault(one.enriched.article.id, why)) as index:
        narrow(index, "events")
        put(
            index, told("a", text="word"), told("bad", topics=[topic()] * 200), told("b", text="word", topics=[topic()])
        )
        assert index.ids(All()) == {"a", "b"}
        assert event_ids(index) == {"b:0"}
        assert set(refused) == {"bad"}
        assert "field [events]" in refused["bad"]
        assert "out of range" in refused["bad"]


def test_what_is_refused_is_a_reject_where_nobody_else_is_told():
    with elastic("elasticsearch9") as index:
        narrow(index, "number", kind="events")
        with pytest.raises(Reject, match=r"refuses article bad.*out of range"):
            index.add([told("a"), told("bad", topics=[topic(number=1000)]), told("b")])
        see(index)
        assert index.ids(All()) == {"a", "b"}
        with pytest.raises(Reject):
            index.add([told("bad", topics=[topic(number=1000)])])


def test_a_query_that_the_server_cannot_run_is_told():
    with elastic("elasticsearch9") as index:
        put(index, told())
        tree = Term("terms", "a")
        for _ in range(20):  # deeper than `parse` lets pass
            tree = Or((And((tree, Term("terms", "b"))), Phrase("terms", ("a", "b"))))
        with pytest.raises(Reject, match="cannot run this query"):
            index.ids(tree)


def test_events_of_an_older_revision_go_with_it():
    with elastic("elasticsearch9") as index:
        put(index, told("a", topics=[topic()] * 4), told("b", topics=[topic()]))
        put(index, told("a", topics=[topic("prisoners.released")], revision=2))
        assert event_ids(index) == {"a:0", "b:0"}
        put(index, told("a", topics=[topic()] * 3, revision=1))
        assert event_ids(index) == {"a:0", "b:0"}
        index.add([told("a", topics=[topic()] * 3, revision=3)])
        index.add([told("a", revision=4, withdrawn=True, seen=NOON + timedelta(days=60))])
        assert event_ids(index) == {"b:0"}


def test_a_month_that_somebody_deleted_is_made_again():
    with elastic("elasticsearch9") as index:
        put(index, told("a"))
        name = index.places.target("2026-03")
        index.server.ask("DELETE", f"/{name},{index.places.events_of(name)}")
        put(index, told("a", topics=[topic()]), told("b"))
        assert index.ids(All()) == {"a", "b"}
        index.check()


@pytest.fixture(scope="module")
def small():
    """A server with a short queue and little memory for what is being written."""
    settings = {
        "thread_pool.write.size": "1",
        "thread_pool.write.queue_size": "1",
        "indexing_pressure.memory.limit": "400kb",
        "http.max_content_length": "2mb",
    }
    with own_server("elasticsearch9", settings) as own:
        yield own


def as_the_worker_does(index, articles):
    while True:
        try:
            return index.add(articles)
        except Retry:
            time.sleep(0.2)


def test_what_a_full_queue_turns_away_is_sent_again_until_all_is_there(small, caplog):
    caplog.set_level("INFO", "tocsin")
    with elastic("", url=small.url, shards=8) as index:
        stock = [told(f"a{number}", text="word " * 50) for number in range(100)]
        writers = [threading.Thread(target=as_the_worker_does, args=(index, stock[start::4])) for start in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        see(index)
        assert index.search(parse("word")).total == 100
        assert "bulk sent again" in caplog.text


def test_a_batch_that_a_server_has_no_room_for_now_is_waited_for(small):
    with elastic("", url=small.url, sleep=no_wait) as index:
        with pytest.raises(Retry, match="too busy"):
            index.add([told("a", text="word " * 60_000)])
        put(index, told("b", text="word"))
        assert index.ids(All()) == {"b"}


def test_an_article_larger_than_the_server_takes_is_refused_and_the_others_are_not(small):
    refused = {}
    with elastic(
        "", url=small.url, batch_bytes=20_000_000, refused=lambda one, why: refused.setdefault(one.story, why)
    ) as index:
        put(index, told("a"), told("large", story="large", text="word " * 600_000), told("b"))
        assert index.ids(All()) == {"a", "b"}
        assert set(refused) == {"large"}
        assert "larger than the server takes" in refused["large"]


def watermarks(server_, *, full):
    prefix = "cluster.routing.allocation.disk"
    free = (
        {"low": "900000gb", "high": "800000gb", "flood_stage": "700000gb"}
        if full
        else dict.fromkeys(("low", "high", "flood_stage"))
    )
    settings = {f"{prefix}.watermark.{name}": value for name, value in free.items()}
    settings |= {f"{prefix}.threshold_enabled": full or None, "cluster.info.update.interval": "10s"}
    server_.ask("PUT", "/_cluster/settings", {"persistent": settings})


def until(act, seconds=90):
    """Tries until it gives something true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := act():
            return found
        time.sleep(1)
    raise AssertionError("it did not come")


def said_by(index):
    try:
        index.add([told("a", text="word")])
    except Retry as verdict:
        return str(verdict)
    return ""


def test_a_full_disk_is_told_waited_for_and_over_when_there_is_room_again(small):
    with elastic("", url=small.url, sleep=no_wait) as index:
        put(index, told("before", text="word"))
        watermarks(index.server, full=True)
        try:
            assert "the disk of the index at 127.0.0.1" in (said := until(lambda: said_by(index)))
            assert "is full: make room" in said
            with pytest.raises(Retry, match="is full"):
                index.add([told("late", text="word")])
            assert index.ids(parse("word")) == {"before", "a"}
        finally:
            watermarks(index.server, full=False)
        until(lambda: not said_by(index))
        put(index, told("late", text="word"))
        assert index.ids(parse("word")) == {"before", "a", "late"}


def test_a_server_that_stops_and_comes_back_keeps_what_was_added():
    with own_server("elasticsearch9") as own, elastic("", url=own.url) as index:
        index.add([told("a", text="word")])
        own.kill()
        with pytest.raises(Retry, match="is away"):
            index.add([told("b", text="word")])
        own.start()
        until(lambda: not said_by(index))
        see(index)
        assert index.ids(parse("word")) == {"a"}


# What a server lacks


def test_what_tocsin_does_without_is_told_where_a_server_has_no_language_analyzers():
    with elastic("elasticsearch9") as bare, elastic("elasticsearch8-full") as full:
        lacking = survey(bare.server.settings)
        assert lacking.analyzers == ()
        assert "no language analyzer for english, french, german, indonesian, russian" in lacking.without[0]
        assert lacking.different == ()
        having = survey(full.server.settings)
        assert having.analyzers == ("english", "french", "german", "indonesian", "russian")
        assert having.without == ()
        assert {one.kind for one in having.indices} == set(mapping.KINDS)
        assert all(one.used and one.mapping for one in having.indices)


def test_language_analyzers_find_the_endings_that_people_type_in_kibana():
    with elastic("elasticsearch8-full") as index:
        put(index, told("a", title="Санкции", text="The sanctions were eased"))
        alias = mapping.alias(index.server.settings, "articles")
        for field, words, found in (
            ("text.english", "easing sanction", True), ("title.russian", "санкций", True), ("text", "easing", False),
        ):  # fmt: skip
            body = {"query": {"match": {field: {"query": words, "operator": "and"}}}}
            assert bool(index.server.ask("POST", f"/{alias}/_search", body)["hits"]["hits"]) is found


def test_settings_that_contradict_each_other_are_told():
    with pytest.raises(ValueError, match="instead of user and password"):
        IndexSettings(url="http://a.example:9200", user="ana", api_key="k")
    with pytest.raises(ValueError, match="small letters"):
        IndexSettings(name="Tocsin Articles")
    assert list(without(IndexSettings(analyzers=()), ())) == []


def test_several_addresses_are_tried_in_turn():
    index = ElasticIndex(elastic_settings(f"http://127.0.0.1:9,{server('elasticsearch9').url}"))
    apply(index.server)
    try:
        put(index, told("a"))
        assert index.ids(All()) == {"a"}
    finally:
        take_away(index)
        index.close()
