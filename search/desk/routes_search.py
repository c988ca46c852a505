"""The search page: a query -> articles with the words that it found, or why it was refused and what to write."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from enrich.article import ToldArticle
from search.alert import Passage
from search.desk.cards import Chip, chips_of
from search.desk.context import Desk
from search.desk.frame import page
from search.query.explain import explain, passages
from search.query.parse import QueryRefused, parse
from search.query.tree import Node
from search.query.words import written

SHOWN = 30
MOST_FORMS = 60
MOST_DAYS = 60
FIRST_LINE = 300  # characters shown of an article where the query asks for no words
EXAMPLES = (
    ("topic:sanctions.eased.fact", "sanctions eased, told as done"),
    ("topic:sanctions.eased.said", "only said: promised, proposed, demanded, threatened"),
    ("topic:prisoners.released AND link:in-exchange", "prisoners go free in exchange for something"),
    ("entity:Q184 AND -language:ru", "on Belarus, not in Russian"),
    ('"potash exports" OR kali*', "words and endings as they stand"),
    ('seen:[2026-01-01 TO *] AND source:"Harbour Wire"', "from one outlet, since January"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An article that a query found, with what to read first."""

    told: ToldArticle
    chips: tuple[Chip, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A bar of the small chart."""

    day: str
    articles: int
    stories: int
    height: float  # 0 to 1


def router(desk: Desk) -> APIRouter:
    """The routes of the search."""
    routes = APIRouter()

    @routes.get("/search")
    def search(request: Request, q: str = "", offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0) -> HTMLResponse:
        values = {"query": q, "examples": EXAMPLES, "refused": "", "hits": (), "total": 0, "read_as": "", "days": ()}
        if q.strip():
            try:
                tree = parse(q)
            except QueryRefused as refusal:
                values["refused"] = str(refusal)
            else:
                found = desk.index.search(tree, limit=SHOWN, offset=offset)
                hits = tuple(hit(tree, told) for told in found.articles)
                values |= {"hits": hits, "total": found.total, "read_as": written(tree)}
                values["days"] = bars(desk.index.per_day(tree))
        return page(desk, request, "search.html", {**values, "offset": offset, "page_size": SHOWN})

    @routes.get("/search/forms")
    def forms(request: Request, start: str = "") -> HTMLResponse:
        found = desk.index.forms(start, MOST_FORMS + 1)
        cut = len(found) > MOST_FORMS
        return page(desk, request, "forms.html", {"start": start, "forms": found[:MOST_FORMS], "cut": cut})

    return routes


def hit(tree: Node, told: ToldArticle) -> Hit:
    """What to read first of an article that the query found."""
    return Hit(told=told, chips=chips_of(told), passages=_passages(tree, told))


def _passages(tree: Node, told: ToldArticle) -> tuple[Passage, ...]:
    found = passages(explain(tree, told), told, limit=2)
    if found:
        return found
    first = told.enriched.article.text.split("\n", 1)[0]
    return (Passage(field="text", start=0, text=first[:FIRST_LINE], marks=()),)


def bars(days: list[tuple[str, int, int]]) -> tuple[Day, ...]:
    """The last days with a match, for a small chart."""
    shown = days[-MOST_DAYS:]
    most = max((stories for _, _, stories in shown), default=1) or 1
    return tuple(
        Day(day=day, articles=articles, stories=stories, height=stories / most) for day, articles, stories in shown
    )
