"""A watch that is being written -> what it would have found in what is indexed, and how its examples fare."""

from dataclasses import dataclass, replace

from enrich.article import ToldArticle
from search.alert import Why
from search.desk.context import Desk
from search.desk.routes_search import Day, Hit, bars, hit
from search.desk.watch_form import WatchForm
from search.query.explain import explain
from search.query.parse import QueryRefused, parse
from search.query.words import written
from search.watches import Checked, WatchError, check

SHOWN = 8  # articles shown
MOST_EXAMPLES = 40  # tried at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a query would have found in what is indexed."""

    refused: str = ""
    read_as: str = ""
    query: str = ""
    articles: int = 0
    stories: int = 0  # counted anew for each day: about so many alerts
    days: tuple[Day, ...] = ()
    hits: tuple[Hit, ...] = ()
    compared: bool = False  # with the running version:
    only_new: int = 0  # articles that it does not find
    only_old: int = 0  # articles that it alone finds


def preview(desk: Desk, query: str, running: str = "") -> Preview:
    """What `query` finds in what is indexed, and how it differs from the `running` one."""
    query = " ".join(query.split())
    if not query:
        return Preview()
    try:
        tree = parse(query)
    except QueryRefused as refusal:
        return Preview(refused=str(refusal))
    found, days = desk.index.search(tree, limit=SHOWN), desk.index.per_day(tree)
    compared = bool(running) and running != query
    now, before = (desk.index.ids(tree), desk.index.ids(parse(running))) if compared else (set[str](), set[str]())
    return Preview(
        read_as=written(tree),
        query=query,
        articles=found.total,
        stories=sum(stories for _, _, stories in days),
        days=bars(days),
        hits=tuple(hit(tree, told) for told in found.articles),
        compared=compared,
        only_new=len(now - before),
        only_old=len(before - now),
    )


def examples(desk: Desk, form: WatchForm) -> tuple[list[Checked], int]:
    """The watch's own examples, tried, and how many were too many to try; none where its query cannot be used."""
    watch = form.watch()
    must, must_not = watch.must_ring[:MOST_EXAMPLES], watch.must_not_ring[:MOST_EXAMPLES]
    left_out = len(watch.must_ring) + len(watch.must_not_ring) - len(must) - len(must_not)
    try:
        return check(replace(watch, must_ring=must, must_not_ring=must_not), desk.enrich, _explain), left_out
    except WatchError:
        return [], left_out


def _explain(query: str, told: ToldArticle) -> Why:
    return explain(parse(query), told)
