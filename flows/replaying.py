"""Articles of a time range, enriched again -> which alerts would differ, by watch. It rings nothing."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

from enrich.article import EnrichedArticle, ToldArticle
from enrich.enricher import Enricher, prepare
from enrich.entities.names import Names
from enrich.topics.packs import FOLDER, TopicPacks
from flows.home import Home, packs_cache
from flows.opening import owning, reading, reading_index
from flows.settings import read_settings
from ingest import wire
from ingest.clock import to_ms
from ingest.entry import Origin
from ingest.ledger import Ledger
from ingest.verdict import Abort, Reject
from search.alerts.engine import Engine
from search.alerts.ids import alert_id
from search.alerts.store import find
from search.alerts.telling import matched_topics
from search.index.port import Index
from search.query.parse import parse
from search.query.tree import Range
from search.watch import Watch
from search.watches import WatchStore

log = logging.getLogger(f"tocsin.{__name__}")

TOPIC = "enriched"
BATCH = 100
WINDOW = timedelta(hours=1)  # asked of the index at once, a page after the other
SHOWN = 200  # differences; the others are counted
Change = Literal["gained", "lost", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayAsked:
    """Which articles are enriched again, and with what."""

    since: datetime  # arrival
    until: datetime  # exclusive
    packs: Path | None = None  # a folder of topic packs; None: those that are installed
    watch: str = ""  # only this one; empty: all that are switched on
    apply: bool = False  # have the new tags take the place of the old
    limit: int = SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One alert that would differ: a watch and a story."""

    watch: str
    change: Change
    title: str  # of an article that makes the difference
    before: tuple[str, ...]  # events that matched, such as "sanctions.eased promised"
    after: tuple[str, ...]
    alert: str  # id of the alert that is there; empty where there is none
    state: str  # of that alert


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchDifferences:
    """How many alerts of a watch would differ."""

    watch: str
    name: str
    same: int
    gained: int
    lost: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What the tags of the packs would change."""

    articles: int  # enriched again
    retagged: int  # of them with other tags
    packs: tuple[str, ...]  # versions that told the new events
    watches: tuple[WatchDifferences, ...]
    differences: tuple[Difference, ...]
    left_out: int
    applied: int  # articles put on the route with their new tags
    desk_url: str


@dataclass(slots=True)
class _Fold:
    """What one watch finds of one story, before and after."""

    title: str = ""
    matched: tuple[bool, bool] = (False, False)
    said: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))

    @property
    def change(self) -> Change | None:
        before, after = self.matched
        if before != after:
            return "gained" if after else "lost"
        return "changed" if self.said[0] != self.said[1] else None


def replay_once(home: Home, asked: ReplayAsked) -> Replayed:
    """Compares; with `apply` also publishes what has other tags, for the stages after enrich to work on.

    Without `apply` it only reads, whoever owns the folder. Applied again, or broken off and started again, it gives
    the same.
    Raises: Abort if the folder cannot be read, or with `apply` if another process has it; Reject if what is asked
    cannot be; PackError if a pack is wrong.
    """
    _check(asked)
    enricher = _enricher(asked)
    url = read_settings(home).deliver.desk_url
    if not asked.apply:
        with reading(home) as ledger:
            return _replayed(asked, enricher, _Stores(ledger=ledger, index=reading_index(home)), url)
    with owning(home) as parts:

        def publish(articles: Sequence[EnrichedArticle]) -> None:
            with parts.ledger.begin() as transaction:
                parts.ledger.publish(transaction, TOPIC, [(one.key, wire.encode(one)) for one in articles])

        return _replayed(asked, enricher, _Stores(ledger=parts.ledger, index=parts.index, publish=publish), url)


def sentences(done: Replayed) -> Iterable[str]:
    """What would differ, for people."""
    yield f"{done.articles} articles enriched again, {done.retagged} with other tags"
    yield f"packs that told events: {', '.join(done.packs) or 'none'}"
    for row in done.watches:
        yield f"{row.watch}: {row.same} same, {row.gained} gained, {row.lost} lost, {row.changed} changed"
    for one in done.differences:
        events = f"{', '.join(one.before) or 'nothing'} -> {', '.join(one.after) or 'nothing'}"
        yield f"  {one.change}: {one.watch}: {one.title} ({events})"
    if done.left_out:
        yield f"  {done.left_out} more are not shown; --limit shows more"
    yield f"{done.applied} articles put on the route with their new tags" if done.applied else "nothing was written"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    ledger: Ledger
    index: Index
    publish: Callable[[Sequence[EnrichedArticle]], None] | None = None


def _check(asked: ReplayAsked) -> None:
    for moment in (asked.since, asked.until):
        if moment.tzinfo is None:
            raise Reject(f"{moment.isoformat()} has no time zone; write 2026-03-01T00:00:00Z")
    if asked.since >= asked.until:
        raise Reject("the range is empty: `since` is not before `until`")
    if asked.apply and asked.packs is not None:
        raise Reject("only the installed packs can be applied: install them, then leave out the folder of packs")


def _enricher(asked: ReplayAsked) -> Enricher:
    cache = packs_cache()
    prepare(cache)
    folder = asked.packs or FOLDER
    if not (folder / "rules.toml").exists():
        raise Abort(f"no packs in {folder}: there is no rules.toml; give a folder such as enrich/packs/topics")
    return Enricher(Names.load(cache), TopicPacks.load(folder))


def _replayed(asked: ReplayAsked, enricher: Enricher, stores: _Stores, desk_url: str) -> Replayed:
    watches, engine = _watches(asked, stores.ledger), Engine()
    engine.keep(watches.values())
    folds: dict[tuple[str, str], _Fold] = {}
    counts, packs = Counter[str](), set[str]()
    articles = _articles(stores.index, asked)
    while batch := list(islice(articles, BATCH)):
        pairs = [(told, replace(told, enriched=enricher.enrich(told.enriched.article))) for told in batch]
        retagged = [new for told, new in pairs if _tags(told) != _tags(new)]
        for told, new in pairs:
            _fold(folds, engine, watches, told, new)
            packs |= {topic.pack for topic in new.enriched.topics}
        counts.update(articles=len(batch), retagged=len(retagged))
        if stores.publish is not None and retagged:
            stores.publish([_silent(new) for new in retagged])
            counts["applied"] += len(retagged)
        log.info("replayed", extra={"articles": counts["articles"], "retagged": counts["retagged"]})
    differences = [_difference(stores.ledger, key, fold) for key, fold in folds.items() if fold.change]
    differences.sort(key=lambda one: (one.watch, one.change, one.title))
    return Replayed(
        articles=counts["articles"],
        retagged=counts["retagged"],
        packs=tuple(sorted(packs)),
        watches=tuple(_counted(watch, folds) for watch in watches.values()),
        differences=tuple(differences[: asked.limit]),
        left_out=max(0, len(differences) - asked.limit),
        applied=counts["applied"],
        desk_url=desk_url,
    )


def _watches(asked: ReplayAsked, ledger: Ledger) -> dict[str, Watch]:
    known = WatchStore(ledger, parse).listing()
    if asked.watch and asked.watch not in {watch.id for watch in known}:
        raise Reject(f"there is no watch {asked.watch!r}; `tocsin watch list` shows them")
    return {watch.id: watch for watch in known if (watch.enabled or asked.watch) and asked.watch in ("", watch.id)}


def _articles(index: Index, asked: ReplayAsked) -> Iterator[ToldArticle]:
    """What arrived in the range, hour by hour, the first to arrive first."""
    start = asked.since
    for day, _, _ in index.per_day(Range("seen", to_ms(asked.since), to_ms(asked.until))):
        begins = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        start = max(start, begins)
        end = min(asked.until, begins + timedelta(days=1))
        while start < end:
            stop = min(start + WINDOW, end)
            yield from list(_paged(index, Range("seen", to_ms(start), to_ms(stop))))  # whole, before any is changed
            start = stop


def _paged(index: Index, tree: Range) -> Iterator[ToldArticle]:
    offset = 0
    while found := index.search(tree, limit=BATCH, offset=offset, order="oldest").articles:
        yield from found
        offset += len(found)


def _tags(told: ToldArticle) -> tuple[object, ...]:
    enriched = told.enriched
    return enriched.language, enriched.entities, enriched.topics, enriched.links


def _silent(told: ToldArticle) -> EnrichedArticle:
    return replace(told.enriched, article=replace(told.enriched.article, origin=Origin.REPLAY))


def _fold(
    folds: dict[tuple[str, str], _Fold], engine: Engine, watches: dict[str, Watch], told: ToldArticle, new: ToldArticle
) -> None:
    if told.enriched.article.withdrawn:
        return
    for side, version in enumerate((told, new)):
        for watch in engine.match(version):
            fold = folds.setdefault((watch, told.story), _Fold())
            fold.matched = (True, fold.matched[1]) if side == 0 else (fold.matched[0], True)
            why = engine.explain(watches[watch].query, version)
            fold.said[side].update(_event(version, at) for at in matched_topics(version, why))
            if not fold.title or _tags(told) != _tags(new):
                fold.title = told.enriched.article.title or told.enriched.article.url


def _event(told: ToldArticle, at: int) -> str:
    topic = told.enriched.topics[at]
    return f"{topic.topic} {topic.modality}{'' if topic.sure else '?'}"


def _difference(ledger: Ledger, key: tuple[str, str], fold: _Fold) -> Difference:
    watch, story = key
    with ledger.read() as connection:
        alert = find(connection, alert_id(watch, story))
    assert fold.change is not None
    return Difference(
        watch=watch,
        change=fold.change,
        title=fold.title,
        before=tuple(sorted(fold.said[0])),
        after=tuple(sorted(fold.said[1])),
        alert=alert.id if alert else "",
        state=alert.state if alert else "",
    )


def _counted(watch: Watch, folds: dict[tuple[str, str], _Fold]) -> WatchDifferences:
    changes = Counter(fold.change or "same" for (name, _), fold in folds.items() if name == watch.id)
    return WatchDifferences(
        watch=watch.id,
        name=watch.name,
        same=changes["same"],
        gained=changes["gained"],
        lost=changes["lost"],
        changed=changes["changed"],
    )
