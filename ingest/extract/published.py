"""Dates that a page, its address and its feed tell -> when it was published and changed, and who said so."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ingest.dates import parse
from ingest.entry import Stamp
from ingest.extract.freeze import one_line
from ingest.extract.item import PageItem
from ingest.extract.jsonld import ArticleNode, Graph, first_text, path_of
from ingest.extract.marks import Marks
from ingest.zones import distance

METAS = (
    "article:published_time",
    "og:article:published_time",
    "article:published",
    "og:published_time",
    "datepublished",
    "parsely-pub-date",
    "cxenseparse:publishtime",
    "cxenseparse:recs:publishtime",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dcterms.date",
    "dc.date",
    "dc.date.created",
    "publish-date",
    "publish_date",
    "publication_date",
    "publishdate",
    "pubdate",
    "published_at",
    "sailthru.date",
    "article.published",
    "citation_publication_date",
    "citation_online_date",
    "bt:pubdate",
    "release_date",
    "date",
    "last-published",
)
CHANGED_METAS = ("article:modified_time", "og:updated_time")
NOT_THE_ARTICLE = frozenset({"comment", "review", "imageobject"})
SAME_CLOCK = timedelta(seconds=60)

_IN_PATH = re.compile(r"[/_-]((?:19|20)\d{2})[/_-]?(0[1-9]|1[0-2])[/_-]?(0[1-9]|[12]\d|3[01])(?:[/_.-]|$)")


class Dates:
    """The dates of one page."""

    def __init__(self, item: PageItem, marks: Marks, language: str) -> None:
        self._item, self._marks, self._language = item, marks, language

    def published(self, graph: Graph, node: ArticleNode) -> Stamp | None:
        """The first of: JSON-LD, metas, a <time> that says so, the address, any <time>, the feed. Never a guess.

        A date without clock or zone takes them from a later one that tells the same day.
        """
        found = list(self._found(graph, node))
        if not found:
            return None
        return next((fuller for other in found[1:] if (fuller := _completed(found[0], other))), found[0])

    def modified(self, node: ArticleNode) -> Stamp | None:
        """When the page says it was changed; on one page in eight that is the wrong day."""
        said = [("ld:dateModified", _written(node.facts.get("dateModified")))]
        said += [(f"meta:{name}", self._marks.meta(name)) for name in CHANGED_METAS]
        return next((stamp for source, raw in said if raw and (stamp := self._stamp(raw, source))), None)

    def _found(self, graph: Graph, node: ArticleNode) -> Iterator[Stamp]:
        yield from self._of_graph(graph, node)
        for name in METAS:
            if (raw := self._marks.meta(name)) and (stamp := self._stamp(raw, f"meta:{name}")):
                yield stamp
        times = [(time, self._stamp(time.written, "time")) for time in self._marks.times]
        sure = next((stamp for time, stamp in times if stamp and time.published), None)
        bare = next((stamp for _, stamp in times if stamp), None)
        if sure:
            yield replace(sure, source="time:published")
        if stamp := self._of_address():
            yield stamp
        if bare and not sure:  # right nine times in ten only
            yield bare
        if self._item.published:
            yield self._item.published

    def _of_graph(self, graph: Graph, node: ArticleNode) -> Iterator[Stamp]:
        for name in ("datePublished", "dateCreated", "uploadDate"):
            if stamp := self._stamp(_written(node.facts.get(name)), f"ld:{name}"):
                yield stamp
                return
        for other in graph.nodes:
            if not NOT_THE_ARTICLE & set(other.kinds):
                stamp = self._stamp(_written(other.facts.get("datePublished")), "ld:other")
                if stamp:
                    yield stamp
                    return

    def _of_address(self) -> Stamp | None:
        found = _IN_PATH.search(path_of(self._item.url) + "/")
        return self._stamp("-".join(found.groups()), "url") if found else None

    def _stamp(self, raw: str, source: str) -> Stamp | None:
        return parse(one_line(raw), source=source, now=self._item.fetched, language=self._language)


def _written(value: Any) -> str:
    """A date in JSON-LD: a text, or seconds or milliseconds since 1970 as a number."""
    is_epoch = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e14
    return str(int(value)) if is_epoch else first_text(value)


def local(stamp: Stamp) -> datetime:
    """The clock of the place as the date was written, without its zone."""
    known = distance(stamp.zone) if stamp.zone else None
    moment = stamp.value if known is None else stamp.value.astimezone(known[0])
    return moment.replace(tzinfo=None)


def _completed(first: Stamp, other: Stamp) -> Stamp | None:
    """`first` with the clock and the zone of `other`, where the two agree as far as `first` tells."""
    is_day = first.precision == "day"
    if (first.zone and not is_day) or other.precision == "day" or not other.zone:
        return None
    mine, theirs = local(first), local(other)
    if mine.date() != theirs.date() if is_day else abs(mine - theirs) > SAME_CLOCK:
        return None
    return replace(other, source=f"{first.source}+{other.source}", raw=f"{first.raw} / {other.raw}")
