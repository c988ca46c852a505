"""Articles with what they say, and stories with who tells them."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from enrich.article import ToldArticle
from enrich.stories.listing import newest_stories
from enrich.stories.stage import kept_story
from ingest.ledger import Ledger
from ingest.ledger.tables import stories as tables
from search.desk.cards import chips_of
from search.desk.context import Desk
from search.desk.frame import page
from search.desk.marks import marked, paragraphs
from search.query.tree import Term, either

SHOWN = 60  # stories at first
MOST_TOLD = 500  # articles of a story
TOPIC_PART, ENTITY_PART = 1, 2


def router(desk: Desk) -> APIRouter:
    """The routes of articles and stories."""
    routes = APIRouter()

    @routes.get("/articles/{article}")
    def one(request: Request, article: str) -> HTMLResponse:
        found = desk.index.search(Term("id", article), limit=1).articles
        if not found:
            raise HTTPException(404, f"There is no article {article} in the index. It may still be on its way.")
        return page(desk, request, "article.html", {"here": "/search", **article_values(found[0])})

    @routes.get("/stories")
    def listing(request: Request, limit: Annotated[int, Query(ge=1, le=5_000)] = SHOWN) -> HTMLResponse:
        stories, total = newest_stories(desk.ledger, limit)
        values = {"stories": stories, "left_out": total - len(stories), "limit": limit}
        return page(desk, request, "stories.html", values)

    @routes.get("/stories/{story}")
    def story(request: Request, story: str) -> HTMLResponse:
        with desk.ledger.read() as connection:
            kept = kept_story(connection, story)
        merged = gone_into(desk.ledger, kept)
        named = either(Term("story", name) for name in (kept, *merged))
        found = desk.index.search(named, limit=MOST_TOLD, order="oldest")
        if not found.articles:
            raise HTTPException(404, f"There is no story {story} in the index. It may still be on its way.")
        told = [(article, chips_of(article)) for article in found.articles]
        values = {"story": kept, "told": told, "left_out": found.total - len(told), "merged": merged}
        return page(desk, request, "story.html", {**values, "here": "/stories"})

    return routes


def article_values(told: ToldArticle) -> dict[str, object]:
    """What the page of one article shows: its frozen text with the words of events and names."""
    enriched, article = told.enriched, told.enriched.article
    spans: dict[str, list[tuple[int, int, int]]] = {"title": [], "text": []}
    for topic in enriched.topics:
        spans[topic.field].append((topic.start, topic.end, TOPIC_PART))
    for mention in enriched.entities:
        if not mention.weak:
            spans[mention.field].append((mention.start, mention.end, ENTITY_PART))
    names = {mention.id: mention for mention in reversed(enriched.entities)}
    return {
        "told": told,
        "article": article,
        "enriched": enriched,
        "title": marked(article.title, spans["title"]),
        "lines": paragraphs(article.text, spans["text"]),
        "chips": chips_of(told),
        "names": sorted(names.values(), key=lambda mention: (mention.type, mention.name)),
    }


def gone_into(ledger: Ledger, story: str) -> list[str]:
    """The stories that were merged into `story`."""
    rows = tables.story_aliases.c
    with ledger.read() as connection:
        return list(connection.execute(select(rows.gone).where(rows.kept == story)).scalars())
