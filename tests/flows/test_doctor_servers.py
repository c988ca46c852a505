"""The doctor over real servers, checked from outside: each thing that is put wrong behind its back, it names."""

import contextlib

import psycopg
import pytest
from index_kit import elastic_settings
from servers_route_kit import tenant
from sqlalchemy import make_url

from flows.stream.kafka_connect import Brokers
from ingest.ledger.migrate import HEAD
from search.index.elastic import mapping
from search.index.elastic.applying import apply
from search.index.elastic.server import Server

pytestmark = pytest.mark.servers
NOBODY = "127.0.0.1:9"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A Tocsin over servers, in order."""
    folder = tmp_path_factory.mktemp("doctor")
    feeds = folder / "feeds.toml"
    feeds.write_text('[[feed]]\nurl = "https://news.example/feed.xml"\n')
    with tenant(folder / "home") as deployment:
        deployment.tocsin("feeds", "add", str(feeds))
        yield deployment


def said(deployment, **environment):
    """What the doctor says of each thing, and whether it is well: name -> (fine, words)."""
    lines = deployment.doctor(**environment).splitlines()
    named = (line[2:].partition(": ") for line in lines if line[:2] in ("✓ ", "✗ "))
    fine = (line[0] == "✓" for line in lines if line[:2] in ("✓ ", "✗ "))
    return {name: (well, words) for (name, _, words), well in zip(named, fine, strict=True)}


def ill(deployment, **environment):
    """What the doctor says of what is not well."""
    return {name: words for name, (well, words) in said(deployment, **environment).items() if not well}


@contextlib.contextmanager
def asked(deployment):
    """A connection to the deployment's database."""
    url = make_url(deployment.settings.ledger.url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def index_server(deployment):
    server = Server(deployment.settings.index)
    try:
        yield server
    finally:
        server.close()


def test_servers_in_order_are_told_with_their_versions_and_what_they_lack(made):
    found = said(made)
    assert [name for name, (well, _) in found.items() if not well] == []
    settings = made.settings
    assert found["ledger"][1].startswith(f"version {HEAD}, on PostgreSQL ")
    assert found["clock"][1].startswith("the ledger's server is 0.")
    assert found["leases"][1] == "none is held: no process is at work"
    assert found["stream"][1] == f"4 topics at {settings.stream.url}, as the settings say"
    assert found["search server"][1].startswith("Elasticsearch 9.2.4; no language analyzer for ")
    assert found["index"][1] == "0 articles, none of 0 published is missing"


def test_a_server_whose_clock_is_ahead_is_told_by_how_much(made):
    with asked(made) as connection:
        name = connection.info.dbname
        connection.execute("CREATE SCHEMA ahead")
        connection.execute(
            "CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE"
            " AS $$ SELECT pg_catalog.clock_timestamp() + interval '90 seconds' $$"
        )
        connection.execute(f"ALTER DATABASE {name} SET search_path = ahead, public, pg_catalog")
        try:
            words = ill(made)["clock"]
        finally:
            connection.execute(f"ALTER DATABASE {name} RESET search_path")
            connection.execute("DROP SCHEMA ahead CASCADE")
    assert words.startswith(("the ledger's server is 90.", "the ledger's server is 89."))
    assert words.endswith("s ahead of this machine: set both by NTP")


def test_another_migration_says_which_and_what_to_do(made):
    with asked(made) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
        try:
            words = made.doctor()
        finally:
            connection.execute("UPDATE alembic_version SET version_num = %s", (HEAD,))
    assert "0002" in words
    assert HEAD in words
    assert "tocsin ledger upgrade" in words
    assert words.endswith("exit code 1")


def test_topics_that_differ_from_the_settings_are_named_with_what_to_do(made):
    found = ill(made, TOCSIN__STREAM__RETENTION_HOURS="3")["stream"]
    assert "retention.ms is 604800000" in found
    assert f"{made.settings.stream.prefix}told" in found or f"{made.settings.stream.prefix}entries" in found


def test_a_topic_that_is_gone_says_how_it_is_made(made):
    topic = f"{made.settings.stream.prefix}told"
    brokers = Brokers(made.settings.stream)
    try:
        brokers.ask(lambda client: client.delete_topics([topic]))
        words = ill(made)["stream"]
    finally:
        brokers.close()
        made.tocsin("stream", "apply")
    assert topic in words
    assert "tocsin stream apply" in words
    assert ill(made) == {}


def test_an_index_with_another_mapping_is_named_and_how_it_is_made_anew(made):
    alias = mapping.alias(made.settings.index, "articles")
    with index_server(made) as server:
        (index,) = server.ask("GET", f"/{alias}/_alias")
        about = server.ask("GET", f"/{index}/_mapping")[index]["mappings"]["_meta"]
        other = about | {"tocsin": about["tocsin"] | {"mapping": "another"}}
        server.ask("PUT", f"/{index}/_mapping", {"_meta": other})
        try:
            found = ill(made)
        finally:
            server.ask("PUT", f"/{index}/_mapping", {"_meta": about})
    assert index in found["search server"]
    assert "tocsin index reindex" in found["index"]
    assert ill(made) == {}


def test_an_index_that_was_never_made_says_how(made):
    nowhere = elastic_settings(made.settings.index.url).name
    found = ill(made, TOCSIN__INDEX__NAME=nowhere)
    assert "tocsin index apply" in found["index"]


def test_each_server_that_is_away_is_told_and_the_others_are_still_looked_at(made):
    found = said(made, TOCSIN__INDEX__URL=f"http://{NOBODY}")
    assert not found["search server"][0]
    assert f"the index at {NOBODY} is away" in found["search server"][1]
    assert found["stream"][0]
    assert found["ledger"][0]

    found = said(made, TOCSIN__STREAM__URL=NOBODY)
    assert not found["stream"][0]
    assert NOBODY in found["stream"][1]
    assert found["ledger"][0]

    away = made.doctor(TOCSIN__LEDGER__URL=f"postgresql+psycopg://tocsin@{NOBODY}/tocsin")
    assert NOBODY in away
    assert away.endswith("exit code 1")
    assert "Traceback" not in away


def test_an_entry_that_no_stage_knows_of_is_told_as_lost(made):
    with asked(made) as connection:
        connection.execute(
            "INSERT INTO entries (id, feed, link, article, content_hash, origin, first_seen, last_seen)"
            " VALUES ('lost', '', 'https://a.example/1', 'x', 'y', 'live', 1, 1)"
        )
        try:
            words = ill(made)["entries"]
        finally:
            connection.execute("DELETE FROM entries WHERE id = 'lost'")
    assert "lost" in words
    assert "1" in words


def test_an_index_made_again_is_in_order_again(made):
    with index_server(made) as server:
        assert apply(server) == ([], [])
    assert ill(made) == {}
