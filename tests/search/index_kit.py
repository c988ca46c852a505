"""What tests of indexes share: each adapter over a place of its own, taken away afterwards."""

import secrets
import time
from contextlib import contextmanager

from servers import server

from search.index.elastic.applying import apply
from search.index.elastic.index import ElasticIndex
from search.index.elastic.places import behind, make
from search.index.elastic.server import Refused
from search.index.embedded import EmbeddedIndex
from search.index.settings import IndexSettings

SERVERS = ("elasticsearch9", "elasticsearch8", "elasticsearch8-full")
ADAPTERS = ("embedded", *SERVERS)


def no_wait(_seconds):
    return None


def elastic_settings(url, **more):
    return IndexSettings(url=url, name=f"test-{secrets.token_hex(6)}", **more)


@contextmanager
def elastic(kind, *, url="", applied=True, refused=None, sleep=time.sleep, **more):
    """An index with a name of its own on a real server."""
    index = ElasticIndex(elastic_settings(url or server(kind).url, **more), refused=refused, sleep=sleep)
    try:
        if applied:
            apply(index.server)
        yield index
    finally:
        take_away(index)
        index.close()


def take_away(index):
    """Removes everything that bears the index's name, whoever blocked it."""
    name = index.server.settings.name
    found = index.server.ask("GET", f"/{name}-*/_alias", params={"expand_wildcards": "all"})
    if found:
        index.server.ask("DELETE", "/" + ",".join(found))
    for kind in ("articles", "events", "alerts", "polls", "rejected"):
        try:
            index.server.ask("DELETE", f"/_index_template/{name}-{kind}")
        except Refused:
            continue


def empty(index):
    """Makes an index whose articles and events have never been."""
    for kind in ("articles", "events"):
        index.server.ask("DELETE", "/" + ",".join(behind(index.server, kind)))
        make(index.server, kind, 1, "2026-01")
    index.places.read()
    index.places.forget(list(index.places._known))


@contextmanager
def adapter(kind, folder):
    """An empty index of the kind."""
    if kind != "embedded":
        with elastic(kind) as index:
            yield index
        return
    index = EmbeddedIndex(folder / "index.db")
    try:
        yield index
    finally:
        index.close()


def put(index, *articles):
    """Adds, and lets searches see it."""
    index.add(articles)
    see(index)


def see(index):
    if isinstance(index, ElasticIndex):
        index.refresh()
