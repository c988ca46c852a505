"""The indices behind an alias -> new ones beside them, and the alias exchanged in one step while writers go on."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import msgspec

from enrich.article import ToldArticle
from ingest.clock import Clock, now, to_ms
from ingest.verdict import Abort, Retry
from search.index.elastic import mapping
from search.index.elastic.applying import coming, leftovers, next_template, put_closing, put_template
from search.index.elastic.bulk import Operation, Result, send
from search.index.elastic.documents import ArticleDocuments, article_documents, event_id, told_article
from search.index.elastic.keeping import Kept, pairs
from search.index.elastic.places import Places, behind, make
from search.index.elastic.searching import walk
from search.index.elastic.server import Refused, Server
from search.index.merging import Pair

log = logging.getLogger(f"tocsin.{__name__}")

FEW = 200  # changes in a round of catching up: then the writers are stopped for the last round
MOST_ROUNDS = 10
BATCH = 500  # articles in memory
GRACE_SECONDS = 5.0  # for searches that began before the exchange
CLOSED = ("articles", "events")
COPIED = ("alerts", "polls", "rejected")
Sleep = Callable[[float], None]


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What came of it."""

    generation: int = 0  # in the names of the new indices
    articles: int = 0  # written, those that changed meanwhile twice
    rounds: int = 0
    refused: dict[str, str] = field(default_factory=dict)  # article -> reason


class Rebuilding:
    """One rebuild of all kinds.

    Old articles are read from their own records and made anew; `told` are more of them, such as those on the stream,
    of which the old index wins where revisions are equal. While this runs, writers write to the old indices. What they
    changed is copied after them, round by round; for the last round, of few articles, the old indices are closed for
    writing and writers wait. Then one request exchanges the aliases. Searches never meet a gap. Alerts, polls and
    rejected records are copied as they stand, and the ledger is followed anew (follow.py).
    """

    def __init__(self, server: Server, *, clock: Clock = now, sleep: Sleep = time.sleep) -> None:
        self._server, self._settings, self._clock, self._sleep = server, server.settings, clock, sleep
        self._places = Places(server)
        self._analyzers: tuple[str, ...] = ()
        self._made: set[str] = set()

    def run(self, told: Iterable[ToldArticle] = (), *, over: bool = False, keep_old: bool = False) -> Rebuilt:
        """Makes every index anew. `over` takes away what a rebuild that was cut off left behind.

        Raises: Abort if another rebuild seems to run; Retry if the server is away: then run it again with `over`.
        """
        self._server.about()
        self._analyzers = self._server.analyzers()
        self._clear(over)
        done = Rebuilt(generation=self._places.generation + 1)
        self._prepare(done.generation)
        self._copy_told(done, told)
        while done.rounds < MOST_ROUNDS:
            done.rounds += 1
            if self._copy_changed(done) <= FEW:
                break
        for kind in COPIED:
            self._copy_documents(kind, done.generation)
        try:
            self._close()
            while self._copy_changed(done):
                pass
            old = {kind: behind(self._server, kind) for kind in mapping.KINDS}
            self._exchange(old, done.generation)
        except BaseException:
            self._open()
            raise
        self._finish(old, keep_old)
        log.info("index exchanged", extra={"articles": done.articles, "generation": done.generation})
        return done

    def _clear(self, over: bool) -> None:
        if not over:
            if begun := leftovers(self._server):
                raise Abort(begun[0])
            return
        for kind in mapping.KINDS:
            with suppress(Refused):
                self._server.change("DELETE", f"/_index_template/{next_template(self._settings, kind)}")
        for index in coming(self._server):
            self._server.change("DELETE", f"/{index}")
        self._open()

    def _prepare(self, generation: int) -> None:
        """Templates of the new generation alone: a writer of the version before may still make a month of the old."""
        for kind in mapping.KINDS:
            body = mapping.template(kind, self._settings, self._analyzers)
            name = mapping.alias(self._settings, kind)
            body |= {"index_patterns": [f"{name}-v{generation}", f"{name}-v{generation}-*"], "priority": 600}
            path = f"/_index_template/{next_template(self._settings, kind)}"
            try:
                self._server.change("PUT", path, body, {"create": "true"})  # the first of two that begin goes on
            except Refused as error:
                raise Abort(
                    f"another `tocsin index reindex` has just begun at {self._server.where}: {error}"
                ) from error

    def _copy_told(self, done: Rebuilt, told: Iterable[ToldArticle]) -> None:
        for some in _some(told):
            made: dict[str, ArticleDocuments] = {}
            for one in map(article_documents, some):
                if one.id not in made or made[one.id].revision <= one.revision:
                    made[one.id] = one
            standing = self._places.standing({name: one.revision for name, one in made.items()})
            months = {
                name: mapping.month_of(standing[name].index) if name in standing else mapping.month(one.seen)
                for name, one in made.items()
            }
            self._write(done, made.values(), months)

    def _copy_changed(self, done: Rebuilt) -> int:
        """Copies what the new indices have not, or older; gives how much that was."""
        changed = 0
        for index in behind(self._server, "articles"):
            month = mapping.month_of(index)
            fresh = self._fresh("articles", done.generation, month)
            for name in (index, fresh):
                self._server.ask("POST", f"/{name}/_refresh")
            wanted = (pair.id for pair in pairs(self._server, index, fresh) if _behind_hand(pair, done))
            for some in _some(wanted):
                made = self._read(index, some)
                changed += len(made)
                self._write(done, made, {one.id: month for one in made})
        return changed

    def _read(self, index: str, ids: list[str]) -> list[ArticleDocuments]:
        answer = self._server.ask("POST", f"/{index}/_mget", {"ids": ids}, {"_source_includes": "record,digest"})
        found = [doc["_source"] for doc in answer["docs"] if doc.get("found")]
        return [article_documents(told_article(one["record"]), one["digest"]) for one in found]

    def _write(self, done: Rebuilt, made: Iterable[ArticleDocuments], months: Mapping[str, str]) -> None:
        articles = list(made)
        standing: dict[str, int] = {}
        for month in set(months.values()):
            here = [one.id for one in articles if months[one.id] == month]
            standing |= self._events_there(self._fresh("articles", done.generation, month), here)
        self._judge(done, send(self._server, self._events(done, articles, months, standing), sleep=self._sleep))
        operations = (
            Operation(
                index=self._fresh("articles", done.generation, months[one.id]),
                id=one.id, body=one.article, version=one.revision, of=one.id,
            )
            for one in articles
            if one.id not in done.refused
        )  # fmt: skip
        done.articles += self._judge(done, send(self._server, operations, sleep=self._sleep))

    def _events_there(self, index: str, ids: list[str]) -> dict[str, int]:
        answer = self._server.ask("POST", f"/{index}/_mget", {"ids": ids}, {"_source_includes": "events"})
        return {doc["_id"]: doc["_source"].get("events", 0) for doc in answer["docs"] if doc.get("found")}

    def _events(
        self, done: Rebuilt, made: Iterable[ArticleDocuments], months: Mapping[str, str], standing: Mapping[str, int]
    ) -> Iterator[Operation]:
        for one in made:
            index = self._fresh("events", done.generation, months[one.id])
            bodies = [*one.events, *[None] * (standing.get(one.id, 0) - len(one.events))]
            for part, body in enumerate(bodies):
                yield Operation(index=index, id=event_id(one.id, part), body=body, version=one.revision, of=one.id)

    def _judge(self, done: Rebuilt, results: Iterable[Result]) -> int:
        count = 0
        for result in results:
            if result.outcome == "refused":
                done.refused.setdefault(result.operation.of, result.reason)
            elif result.outcome in ("missing", "closed"):
                raise Retry(f"{result.operation.index} at {self._server.where} takes no writes: {result.reason}")
            count += result.outcome == "done"
        return count

    def _fresh(self, kind: str, generation: int, month: str) -> str:
        name = mapping.index_name(self._settings, kind, generation, month)
        if name not in self._made:
            make(self._server, kind, generation, month, hidden=True)
            self._made.add(name)
        return name

    def _close(self) -> None:
        """Keeps writers out of every old index, those made meanwhile too; returns when none writes any more."""
        for kind in CLOSED:
            put_closing(self._server, kind, self._places.generation)
        closed: set[str] = set()
        while left := {index for kind in CLOSED for index in behind(self._server, kind)} - closed:
            for index in sorted(left):
                self._server.change("PUT", f"/{index}/_block/write")
            closed |= left

    def _open(self) -> None:
        for kind in CLOSED:
            put_closing(self._server, kind, 0)
            for index in behind(self._server, kind):
                self._server.change("PUT", f"/{index}/_settings", {"index": {"blocks": {"write": None}}})

    def _copy_documents(self, kind: str, generation: int) -> None:
        """Copies what came from the ledger. What changes meanwhile is sent again: a new generation is followed anew."""
        known = mapping.fields(kind).keys()
        alias = mapping.alias(self._settings, kind)
        self._server.ask("POST", f"/{alias}/_refresh")
        for index in behind(self._server, kind):
            target = self._fresh(kind, generation, mapping.month_of(index) if kind in mapping.MONTHLY else "")
            operations = (_copied(hit, target, known, kind) for hit in walk(self._server, index, {"version": True}))
            for result in send(self._server, operations, sleep=self._sleep):
                if result.outcome not in ("done", "older"):
                    log.error("record refused", extra={"record": result.operation.id, "reason": result.reason})

    def _exchange(self, old: Mapping[str, list[str]], generation: int) -> None:
        """One request: a search meets either all of the old indices or all of the new ones."""
        actions: list[dict[str, Any]] = []
        for kind in mapping.KINDS:
            alias = mapping.alias(self._settings, kind)
            fresh = [name for name in self._made if mapping.generation_of(self._settings, kind, name) == generation]
            if not fresh:
                month = mapping.month(to_ms(self._clock())) if kind in mapping.MONTHLY else ""
                fresh = [self._fresh(kind, generation, month)]
            self._server.ask("POST", f"/{','.join(fresh)}/_refresh")
            # By their pattern: a month that a writer makes this moment goes with them.
            gone = sorted({index.rsplit(f"-{mapping.month_of(index)}", 1)[0] + "-*" for index in old[kind]})
            if kind not in mapping.MONTHLY:
                gone = old[kind]
            actions += [{"remove": {"index": index, "alias": alias}} for index in gone]
            actions += [{"add": {"index": index, "alias": alias}} for index in sorted(fresh)]
        self._server.change("POST", "/_aliases", {"actions": actions})

    def _finish(self, old: Mapping[str, list[str]], keep_old: bool) -> None:
        for kind in mapping.KINDS:
            put_template(self._server, kind, self._analyzers)
            self._server.change("DELETE", f"/_index_template/{next_template(self._settings, kind)}")
        if keep_old:
            return
        self._sleep(GRACE_SECONDS)
        for index in (index for kind in mapping.KINDS for index in old[kind]):
            self._server.change("DELETE", f"/{index}", params={"ignore_unavailable": "true"})


def _behind_hand(pair: Pair[Kept, Kept], done: Rebuilt) -> bool:
    """Whether the new index lacks what the old one has of an article."""
    old, fresh = pair.left, pair.right
    if old is None or pair.id in done.refused:
        return False
    if fresh is None or old.revision != fresh.revision:
        return fresh is None or old.revision > fresh.revision
    return old.digest != fresh.digest


def _copied(hit: Mapping[str, Any], target: str, known: Iterable[str], kind: str) -> Operation:
    body = {name: value for name, value in hit["_source"].items() if name in known}
    version = hit["_version"] if kind == "alerts" else None  # the others are written without one
    return Operation(index=target, id=hit["_id"], body=msgspec.json.encode(body), version=version)


T = TypeVar("T")


def _some(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch
