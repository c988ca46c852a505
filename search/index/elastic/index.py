"""The index in Elasticsearch, as the port asks for it: told articles in, articles found."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from enrich.article import ToldArticle
from ingest.verdict import Abort, Reject, Retry
from search.index.elastic import mapping
from search.index.elastic.bulk import Operation, Result, send
from search.index.elastic.compile import compiled
from search.index.elastic.documents import ArticleDocuments, article_documents, event_id, told_article
from search.index.elastic.places import Places, Standing, behind, told_of
from search.index.elastic.removing import remove_before
from search.index.elastic.searching import PAGE, WINDOW, searched, walk
from search.index.elastic.server import Server
from search.index.port import Found, Order
from search.index.settings import IndexSettings
from search.query import normalise
from search.query.tree import Node

log = logging.getLogger(f"tocsin.{__name__}")

MOST_COUNTED = 40_000  # stories of a day that are counted exactly
PLACED_AGAIN = 4
Refusing = Callable[[ToldArticle, str], None]


@dataclass(slots=True)
class _Batch:
    """Articles on their way into the index, by id."""

    told: dict[str, ToldArticle]
    made: dict[str, ArticleDocuments]
    refused: dict[str, str] = field(default_factory=dict)  # reasons


class ElasticIndex:
    """Articles, and a document for each event that they tell. Searches see what was added a second ago."""

    def __init__(
        self,
        settings: IndexSettings,
        *,
        refused: Refusing | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`refused` is told of articles that the server does not take, and why; without it `add` raises Reject."""
        self.server, self._sleep, self._refused = Server(settings), sleep, refused
        self.places = Places(self.server)
        self._alias = mapping.alias(settings, "articles")

    def check(self) -> None:
        """Whether this index can be used at all; asked once, at start.

        Raises: Retry if the server is away; Abort if it is too old, has no index, or an index with another mapping.
        """
        self.server.about()
        for kind in mapping.KINDS:
            name = mapping.alias(self.server.settings, kind)
            about = told_of(self.server, kind)
            if not about or not behind(self.server, kind):
                what = "alias" if about else "template"
                raise Abort(f"there is no {what} {name} at {self.server.where}: run `tocsin index apply`")
            wanted = mapping.version(kind, about.get("analyzers", ()))
            live = self.server.ask("GET", f"/{name}/_mapping")
            found = {index: it["mappings"].get("_meta", {}).get("tocsin", {}) for index, it in live.items()}
            other = sorted(index for index, meta in found.items() if meta.get("mapping") != wanted)
            if about.get("mapping") != wanted or other:
                where = ", ".join(other[:3]) or f"the template {name}"
                raise Abort(
                    f"{where} at {self.server.where} has another mapping than this Tocsin makes ({wanted}): "
                    "`tocsin index apply` shows the difference, `tocsin index reindex` makes the index anew"
                )

    def add(self, articles: Sequence[ToldArticle]) -> None:
        """Adds or replaces, on disk when it returns. What is refused does not hold up the others.

        Raises: Retry if the server is away, full or too busy; Abort if somebody must do something; Reject naming what
        was refused, where nobody else is told.
        """
        batch = _newest(articles)
        waiting = dict(batch.made)
        for number in range(PLACED_AGAIN):
            if number:
                self.places.forget(waiting)
                self.places.read()
            waiting = self._put(batch, waiting)
            if not waiting:
                break
        else:
            raise Retry("the index takes no writes now: it is being exchanged for a new one (`tocsin index reindex`)")
        self._tell(batch)

    def search(self, tree: Node, *, limit: int = 50, offset: int = 0, order: Order = "newest") -> Found:
        way = "desc" if order == "newest" else "asc"
        body = {**_asked(tree), "sort": [{"seen": way}, {"id": way}], "_source": ["record"]}
        if offset + limit <= WINDOW:
            answer = self._search({**body, "from": offset, "size": limit, "track_total_hits": True})
            total, hits = answer["total"]["value"], answer["hits"]
        else:
            total, hits = self._far(body, offset, limit)
        return Found(articles=tuple(told_article(hit["_source"]["record"]) for hit in hits), total=total)

    def ids(self, tree: Node) -> set[str]:
        body = {**_asked(tree), "_source": False}
        return {hit["_id"] for hit in self.walk(self._alias, body)}

    def per_day(self, tree: Node) -> list[tuple[str, int, int]]:
        """Stories are counted exactly up to 40,000 a day, and within some percent beyond."""
        stories = {"cardinality": {"field": "story", "precision_threshold": MOST_COUNTED}}
        days = {"field": "seen", "calendar_interval": "day", "format": "yyyy-MM-dd", "min_doc_count": 1}
        groups = {"days": {"date_histogram": days, "aggs": {"stories": stories}}}
        found = self._aggregated({**_asked(tree), "aggs": groups})["days"]["buckets"]
        return [(day["key_as_string"], day["doc_count"], day["stories"]["value"]) for day in found]

    def forms(self, prefix: str, limit: int = 20) -> list[tuple[str, int]]:
        words = normalise.words(prefix)
        if not words:
            return []
        # A folded word holds no sign that means something in a pattern.
        asked = {"field": "words", "include": f"{words[-1]}.*", "size": limit, "shard_size": max(1000, 10 * limit)}
        found = self._aggregated({"aggs": {"words": {"terms": asked}}})["words"]["buckets"]
        return [(word["key"], word["doc_count"]) for word in found]

    def remove_before(self, seen_ms: int) -> int:
        gone = remove_before(self.server, seen_ms, sleep=self._sleep)
        self.places.read()
        return gone

    def refresh(self) -> None:
        """Lets searches see at once what was added. Nothing but tests and repairs needs it."""
        names = ",".join(mapping.alias(self.server.settings, kind) for kind in mapping.KINDS)
        self.server.ask("POST", f"/{names}/_refresh", params={"ignore_unavailable": "true"})

    def close(self) -> None:
        """Ends the connections."""
        self.server.close()

    def walk(self, where: str, body: Mapping[str, Any], *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Every hit of a search, as everything stood when it began, however many there are."""
        yield from walk(self.server, where, body, page=page)

    def _put(self, batch: _Batch, waiting: Mapping[str, ArticleDocuments]) -> dict[str, ArticleDocuments]:
        """Sends events, then articles; gives those whose index takes no writes any more.

        The article comes last: what stands in it says which events there are, and a batch that was cut off is done
        again from there.
        """
        standing = self.places.standing({name: made.revision for name, made in waiting.items()})
        later = {
            name: made
            for name, made in waiting.items()
            if name not in standing or standing[name].revision <= made.revision
        }
        targets = {
            name: standing[name].index if name in standing else self.places.target(mapping.month(made.seen))
            for name, made in later.items()
        }
        events = (
            operation
            for name, made in later.items()
            for operation in _events(made, self.places.events_of(targets[name]), standing.get(name))
        )
        again = self._outcomes(batch, self._send(events))
        fine = [name for name in later if name not in again and name not in batch.refused]
        articles = (
            Operation(index=targets[name], id=name, body=later[name].article, version=later[name].revision, of=name)
            for name in fine
        )
        again |= self._outcomes(batch, self._send(articles))
        self._clear(batch, [name for name in later if name in batch.refused and name not in standing], targets)
        self.places.settled({name: targets[name] for name in fine if name not in again and name not in batch.refused})
        return {name: waiting[name] for name in again - batch.refused.keys()}

    def _send(self, operations: Iterable[Operation]) -> Iterator[Result]:
        return send(self.server, operations, sleep=self._sleep)

    def _outcomes(self, batch: _Batch, results: Iterable[Result]) -> set[str]:
        again: set[str] = set()
        for result in results:
            if result.outcome in ("missing", "closed"):
                again.add(result.operation.of)
            elif result.outcome == "refused":
                batch.refused.setdefault(result.operation.of, result.reason)
        return again

    def _clear(self, batch: _Batch, names: Iterable[str], targets: Mapping[str, str]) -> None:
        """Takes away the events of articles that were refused."""
        operations = (
            Operation(index=self.places.events_of(targets[name]), id=event_id(name, part), body=None, of=name)
            for name in names
            for part in range(len(batch.made[name].events))
        )
        for _ in self._send(operations):
            pass

    def _tell(self, batch: _Batch) -> None:
        for name, reason in batch.refused.items():
            log.warning("article refused", extra={"article": name, "reason": reason})
            if self._refused is None:
                raise Reject(f"the index at {self.server.where} refuses article {name}: {reason}")
            self._refused(batch.told[name], reason)

    def _search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._found(body)["hits"])

    def _aggregated(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._found({**body, "size": 0, "track_total_hits": False})["aggregations"])

    def _found(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return searched(self.server, f"/{self._alias}/_search", body)

    def _far(self, body: Mapping[str, Any], offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """A page beyond the window: what stands before it is walked through without being read."""
        total = self._search({**body, "size": 0, "track_total_hits": True})["total"]["value"]
        if offset >= total:
            return total, []
        after: list[Any] | None = None
        if offset:
            before = {**body, "_source": False}
            for number, hit in enumerate(self.walk(self._alias, before), start=1):
                if number == offset:
                    after = hit["sort"][:2]
                    break
        page = {**body, **({"search_after": after} if after else {})}
        hits: list[dict[str, Any]] = []
        for hit in self.walk(self._alias, page, page=min(PAGE, limit)):
            hits.append(hit)
            if len(hits) == limit:
                break
        return total, hits


def _asked(tree: Node) -> dict[str, Any]:
    return {"query": {"bool": {"filter": [compiled(tree)]}}}


def _newest(articles: Sequence[ToldArticle]) -> _Batch:
    told: dict[str, ToldArticle] = {}
    for one in articles:
        article = one.enriched.article
        known = told.get(article.id)
        if known is None or known.enriched.article.revision <= article.revision:
            told[article.id] = one
    return _Batch(told=told, made={name: article_documents(one) for name, one in told.items()})


def _events(made: ArticleDocuments, index: str, standing: Standing | None) -> Iterator[Operation]:
    for part, body in enumerate(made.events):
        yield Operation(index=index, id=event_id(made.id, part), body=body, version=made.revision, of=made.id)
    for part in range(len(made.events), standing.events if standing else 0):
        yield Operation(index=index, id=event_id(made.id, part), body=None, version=made.revision, of=made.id)
