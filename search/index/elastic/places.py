"""An article -> the one index where it stands: that of the month of its first arrival."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.verdict import Abort, Retry
from search.index.elastic import mapping
from search.index.elastic.searching import WHOLE, searched
from search.index.elastic.server import Refused, Server

log = logging.getLogger(f"tocsin.{__name__}")

REMEMBERED = 100_000  # articles


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An article that is there already."""

    index: str
    revision: int
    events: int  # how many documents of its events there are


class Places:
    """Where articles stand, asked from the server and remembered: an article never moves within a generation."""

    def __init__(self, server: Server) -> None:
        self._server, self._settings = server, server.settings
        self._lock = threading.Lock()
        self._known: OrderedDict[str, str] = OrderedDict()
        self._indices: frozenset[str] = frozenset()
        self._generation = 0

    @property
    def generation(self) -> int:
        """The number in the names of the indices that are written to."""
        if not self._generation:
            self.read()
        return self._generation

    def read(self) -> None:
        """Asks which indices stand behind the alias.

        Raises: Abort if there is none.
        """
        found = behind(self._server, "articles")
        if not found:
            alias = mapping.alias(self._settings, "articles")
            raise Abort(f"there is no {alias} at {self._server.where}: run `tocsin index apply`")
        newest = max(mapping.generation_of(self._settings, "articles", index) for index in found)
        with self._lock:
            if newest != self._generation:
                self._known.clear()
            self._generation, self._indices = newest, frozenset(found)

    def forget(self, ids: Iterable[str]) -> None:
        """Asks for these again next time."""
        with self._lock:
            for name in ids:
                self._known.pop(name, None)

    def standing(self, revisions: Mapping[str, int]) -> dict[str, Standing]:
        """Those of the articles that are there, as they are this moment; `revisions` are those that have come."""
        generation = self.generation
        with self._lock:
            known = {name: self._known[name] for name in revisions if name in self._known}
        unknown = [name for name in revisions if name not in known]
        known |= self._searched(unknown)
        pairs = list(known.items())
        # A search sees what was written a second ago. Only a later revision can stand in another month than the one
        # that its own time names, so only those are asked for in every month.
        late = [name for name in unknown if name not in known and revisions[name] > 1]
        pairs += [(name, index) for name in late for index in sorted(self._indices)]
        found = self._got(pairs)
        with self._lock:
            if generation == self._generation:
                self._remember({name: standing.index for name, standing in found.items()})
                for name in known.keys() - found.keys():
                    self._known.pop(name, None)
        return found

    def target(self, month: str) -> str:
        """The index of articles of a month, made where it is missing."""
        name = mapping.index_name(self._settings, "articles", self.generation, month)
        if name not in self._indices:
            self._make(month)
        return name

    def settled(self, places: Mapping[str, str]) -> None:
        """Remembers where articles have been put."""
        with self._lock:
            self._remember(places)

    def events_of(self, index: str) -> str:
        """The index of the events of the articles in `index`."""
        generation = mapping.generation_of(self._settings, "articles", index)
        return mapping.index_name(self._settings, "events", generation, mapping.month_of(index))

    def _remember(self, places: Mapping[str, str]) -> None:
        self._known.update(places)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _searched(self, ids: list[str]) -> dict[str, str]:
        if not ids:
            return {}
        body = {"query": {"terms": {"id": ids}}, "_source": False, "size": min(2 * len(ids), 10_000)}
        path = f"/{mapping.alias(self._settings, 'articles')}/_search"
        hits = searched(self._server, path, body, {**WHOLE, "filter_path": "hits.hits._id,hits.hits._index"})
        found: dict[str, str] = {}
        for hit in hits.get("hits", {}).get("hits", ()):
            if found.setdefault(hit["_id"], hit["_index"]) != hit["_index"]:
                log.warning("an article stands twice", extra={"article": hit["_id"]})
        return found

    def _got(self, pairs: list[tuple[str, str]]) -> dict[str, Standing]:
        """Reads in real time, what was written a moment ago included."""
        if not pairs:
            return {}
        docs = [{"_index": index, "_id": name, "_source": ["events"]} for name, index in pairs]
        asked = {"filter_path": "docs._id,docs._index,docs.found,docs._version,docs._source"}
        answer = self._server.ask("POST", "/_mget", {"docs": docs}, asked)
        return {
            doc["_id"]: Standing(
                index=doc["_index"], revision=doc["_version"], events=doc.get("_source", {}).get("events", 0)
            )
            for doc in answer["docs"]
            if doc.get("found")
        }

    def _make(self, month: str) -> None:
        """Makes the indices of a month behind their aliases.

        Raises: Retry if the generation is being closed: what was written to it now would be lost.
        """
        self.read()
        generation = self._generation
        for kind in ("events", "articles"):
            make(self._server, kind, generation, month)
        self.read()
        closing = told_of(self._server, "articles").get("closing")
        if self._generation != generation:
            for kind in ("events", "articles"):
                self._server.change("DELETE", f"/{mapping.index_name(self._settings, kind, generation, month)}")
            self.read()
        if closing == generation or self._generation != generation:
            raise Retry("the index is being exchanged for a new one (`tocsin index reindex`)")


def behind(server: Server, kind: str) -> list[str]:
    """The indices behind the alias of a kind, in order; none where there is no alias."""
    try:
        return sorted(server.ask("GET", f"/_alias/{mapping.alias(server.settings, kind)}"))
    except Refused as error:
        if error.status == 404:
            return []
        raise


def make(server: Server, kind: str, generation: int, month: str = "", *, hidden: bool = False) -> str:
    """Makes an index where it is missing, behind its alias unless `hidden`; gives its name.

    Raises: Abort if there is no template for it.
    """
    alias = mapping.alias(server.settings, kind)
    if not told_of(server, kind):
        raise Abort(f"there is no template {alias} at {server.where}: run `tocsin index apply`")
    name = mapping.index_name(server.settings, kind, generation, month)
    try:
        server.change("PUT", f"/{name}")  # answers once it can be searched, and only then may searches meet it
    except Refused as error:
        if error.kind != "resource_already_exists_exception":
            raise Abort(f"{name} cannot be made at {server.where}: {error}") from error
        server.ready(name)  # another process is making it this moment
    if not hidden:
        server.change("POST", "/_aliases", {"actions": [{"add": {"index": name, "alias": alias}}]})
    return name


def told_of(server: Server, kind: str) -> dict[str, Any]:
    """What the template of a kind says about itself; empty where there is none."""
    try:
        answer = server.ask("GET", f"/_index_template/{mapping.alias(server.settings, kind)}")
    except Refused as error:
        if error.status == 404:
            return {}
        raise
    (found,) = answer["index_templates"]
    return dict(found["index_template"].get("_meta", {}).get("tocsin", {}))
