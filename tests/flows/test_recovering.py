"""The index is lost, and what was told stands on no stream any more: it comes back out of ledger and archive."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from index_kit import elastic_settings, see, take_away
from route_kit import alerts, finished, read_whole_newsroom, tocsin
from servers import server

from search.index.elastic.index import ElasticIndex
from search.index.embedded import EmbeddedIndex
from search.query.tree import All


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A folder in which the whole bundled newsroom was read."""
    return read_whole_newsroom(tmp_path_factory.mktemp("recovering") / "home")


@pytest.fixture
def lost(read, tmp_path):
    """A copy of it after the disk of its index was lost, long after the stream let go of what was told."""
    home = tmp_path / "home"
    shutil.copytree(read, home)
    for file in home.glob("index.db*"):
        file.unlink()
    with closing(sqlite3.connect(home / "ledger.db")) as connection:
        connection.execute("DELETE FROM records WHERE topic = 'told'")
        connection.commit()
    return home


def told(folder):
    """What the index holds, by id; of stories of the same affair only whether there are any."""
    index = EmbeddedIndex(folder / "index.db", writable=False)
    found = {one.enriched.article.id: plain(one) for one in index.all()}
    index.close()
    return found


def plain(one):
    return replace(one, related=())


def test_every_article_comes_back_as_it_was_with_its_evidence_and_its_story(read, lost):
    before, rung = told(read), alerts(lost)
    done = finished("index", "reindex", home=lost)
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} that were missing are read again out of the archive" in done.stderr
    assert told(lost) == before
    assert alerts(lost) == rung  # it rings nothing
    assert "✗" not in tocsin("doctor", home=lost)


def test_it_can_be_asked_of_the_doctor_and_asked_again(read, lost):
    finished("doctor", "--rebuild-index", home=lost)
    again = finished("index", "reindex", home=lost)
    assert "0 articles" not in again.stderr
    assert "archive" not in again.stderr  # nothing is missing any more
    assert told(lost) == told(read)


def test_where_the_archive_is_gone_too_feeds_stand_in_and_what_is_lost_is_named(read, lost):
    before = told(read)
    shutil.rmtree(lost / "archive")
    done = finished("index", "reindex", home=lost)
    after = told(lost)
    gone = before.keys() - after.keys()
    for name in gone:
        assert f"{name}: its page cannot be read from the archive" in done.stderr
    assert done.returncode == (1 if gone else 0)
    other = [name for name, one in after.items() if one.enriched.article.text != before[name].enriched.article.text]
    assert f"{len(other)} of them have another text than when they were published" in done.stderr
    assert {one.story for one in after.values()} <= {one.story for one in before.values()}


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["elasticsearch9", "elasticsearch8"])
def test_an_empty_elasticsearch_is_filled_from_the_archive(read, lost, kind):
    index = ElasticIndex(elastic_settings(server(kind).url))
    settings = index.server.settings
    environment = {"TOCSIN__INDEX__URL": settings.url, "TOCSIN__INDEX__NAME": settings.name}
    try:
        tocsin("index", "apply", home=lost, **environment)
        done = finished("index", "reindex", home=lost, **environment)
        assert done.returncode == 0, done.stderr
        tocsin("index", "verify", home=lost, **environment)
        see(index)
        found = {one.enriched.article.id: plain(one) for one in index.search(All(), limit=10_000).articles}
        assert found == told(read)
    finally:
        take_away(index)
        index.close()
