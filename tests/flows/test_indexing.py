"""`tocsin index` on a folder and on Elasticsearch, as operators meet it."""

import json
import sqlite3
from contextlib import closing

import pytest
from index_kit import elastic_settings, put, take_away
from route_kit import finished, read_whole_newsroom, tocsin
from servers import server

from search.index.elastic import mapping
from search.index.elastic.index import ElasticIndex
from search.index.embedded import EmbeddedIndex
from search.query.tree import All

pytestmark = pytest.mark.servers

KINDS = ("elasticsearch9", "elasticsearch8")


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A folder in which the whole bundled newsroom was read."""
    return read_whole_newsroom(tmp_path_factory.mktemp("indexing") / "home")


@pytest.fixture(params=KINDS)
def remote(request):
    """An index on a server, not applied yet, and what the command needs to know of it."""
    index = ElasticIndex(elastic_settings(server(request.param).url))
    settings = index.server.settings
    yield index, {"TOCSIN__INDEX__URL": settings.url, "TOCSIN__INDEX__NAME": settings.name}
    take_away(index)
    index.close()


def articles(folder):
    index = EmbeddedIndex(folder / "index.db", writable=False)
    found = list(index.all())
    index.close()
    return found


def verified(folder, code=0, **environment):
    return json.loads(tocsin("index", "verify", "--json", home=folder, code=code, **environment))


def test_a_server_is_applied_filled_verified_and_looked_at(read, remote):
    index, environment = remote
    stock = articles(read)
    assert "tocsin index apply" in finished("index", "verify", home=read, **environment).stderr
    assert "made: template" in finished("index", "apply", home=read, **environment).stderr
    assert "as it should be" in finished("index", "apply", home=read, **environment).stderr
    missing = verified(read, code=1, **environment)
    assert len(missing["missing"]) == len(stock) == missing["ledger"]
    put(index, *stock)
    assert verified(read, **environment)["fine"]
    said = tocsin("index", "status", home=read, **environment)
    assert f"{len(stock)} articles" in said
    assert f"mapping {mapping.version('articles')}" in said
    assert "without: no language analyzer for english" in said


def test_verify_names_what_is_missing_extra_and_different(read, remote):
    index, environment = remote
    finished("index", "apply", home=read, **environment)
    stock = articles(read)
    put(index, *stock)
    gone, changed = (one.enriched.article.id for one in stock[:2])
    name = index.places.target(mapping.month(round(stock[0].enriched.article.seen.timestamp() * 1000)))
    index.server.ask("DELETE", f"/{name}/_doc/{gone}")
    other = index.server.ask("GET", f"/{name}/_doc/{changed}")["_source"] | {"text_hash": "another"}
    index.server.ask("PUT", f"/{name}/_doc/{changed}", other, {"version": 7, "version_type": "external"})
    index.server.ask("PUT", f"/{name}/_doc/stranger", other | {"id": "stranger"})
    twin = index.places.target("2020-01")
    index.server.ask(
        "PUT", f"/{twin}/_doc/{stock[2].enriched.article.id}", other | {"id": stock[2].enriched.article.id}
    )
    found = verified(read, code=1, **environment)
    assert (found["missing"], found["extra"], found["twice"]) == ([gone], ["stranger"], [stock[2].enriched.article.id])
    assert changed in found["different"]


def test_reindex_brings_back_what_the_stream_holds(read, remote):
    index, environment = remote
    finished("index", "apply", home=read, **environment)
    said = finished("index", "reindex", home=read, **environment)
    assert said.returncode == 0, said.stderr
    assert verified(read, **environment)["fine"]
    index.places.read()
    assert len(index.ids(All())) == len(articles(read))


def test_a_folder_answers_the_same_commands(read):
    assert "as it should be" in finished("index", "apply", home=read).stderr
    count = len(articles(read))
    found = verified(read)
    assert (found["ledger"], found["index"], found["fine"]) == (count, count, True)
    assert f"{count} articles" in tocsin("index", "status", home=read)
    with closing(sqlite3.connect(read / "index.db")) as connection:
        gone = connection.execute("SELECT id FROM doc LIMIT 1").fetchone()[0]
        connection.execute("DELETE FROM doc WHERE id = ?", (gone,))
        connection.commit()
    assert verified(read, code=1)["missing"] == [gone]
    assert f"{count} articles indexed anew" in finished("index", "reindex", home=read).stderr
    assert verified(read)["fine"]


def test_a_server_that_is_away_is_told_in_one_line(read):
    for act in ("apply", "verify", "status", "reindex"):
        done = finished("index", act, home=read, TOCSIN__INDEX__URL="http://127.0.0.1:9")
        assert done.returncode == 1
        assert "tocsin: the index at 127.0.0.1:9 is away" in done.stderr
        assert "Traceback" not in done.stderr
