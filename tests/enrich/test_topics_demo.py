"""The bundled newsroom: every ready-made watch matches the articles that name it and no other."""

import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from names_kit import mentions

from enrich.article import EnrichedArticle, Language, Mention, StoryKeys, ToldArticle
from enrich.topics.packs import TopicPacks
from enrich.topics.tell import tell
from flows.demo.stock import Stocked, stock
from ingest.article import Article
from ingest.entry import Origin
from search.document import document
from search.matching import Matcher
from search.query.parse import parse

PACKS = TopicPacks.load()
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WATCHES = tomllib.loads((files("flows.demo") / "watches.toml").read_text(encoding="utf-8"))["watch"]
STOCK = {article.path: article for article in stock()}
TELLINGS = [path for path, article in STOCK.items() if article.event == "release"]
Find = Callable[[str, str, str], Sequence[Mention]]


def slug(name: str) -> str:
    return name.lower().replace(",", "").replace(" ", "-")


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    made = Matcher()
    for watch in WATCHES:
        made.put(slug(watch["name"]), parse(watch["query"]))
    return made


def no_names(title: str, text: str, language: str) -> Sequence[Mention]:
    return ()


def names(title: str, text: str, language: str) -> Sequence[Mention]:
    return mentions(text, language, title)


def told(title: str, text: str, language: str, find: Find) -> ToldArticle:
    said = tell(title, text, language, find(title, text, language), PACKS, year=NOW.year)
    article = Article(
        id="a", revision=1, url="", feed="", source="", title=title, text=text,
        path="given", origin=Origin.LIVE, seen=NOW,
    )  # fmt: skip
    enriched = EnrichedArticle(
        article=article,
        language=Language(code=language, score=1.0, source="declared"),
        topics=said.topics,
        links=said.links,
        keys=StoryKeys(day=0),
    )
    return ToldArticle(enriched=enriched, story="s")


def rings(matcher: Matcher, article: Stocked, text: str, find: Find) -> tuple[set[str], Any]:
    said = told(article.title, text, article.outlet.language, find)
    shown = [(topic.topic, topic.modality, topic.salience) for topic in said.enriched.topics], said.enriched.links
    return set(matcher.match(document(said))), shown


@pytest.mark.parametrize("path", STOCK)
def test_an_article_rings_the_watches_that_it_names_and_no_other(path: str, matcher: Matcher) -> None:
    article = STOCK[path]
    for text in filter(None, (article.text, article.edited_text)):
        said, shown = rings(matcher, article, text, no_names)
        assert said == set(article.rings), shown


@pytest.mark.parametrize("path", STOCK)
def test_names_in_the_text_change_no_alarm(path: str, matcher: Matcher) -> None:
    said, shown = rings(matcher, STOCK[path], STOCK[path].text, names)
    assert said == set(STOCK[path].rings), shown


def test_the_release_is_told_in_six_languages() -> None:
    assert {STOCK[path].outlet.language for path in TELLINGS} == {"en", "id", "ru", "pl", "de", "fr"}


@pytest.mark.parametrize("path", TELLINGS)
def test_every_telling_of_the_release_counts_three_and_links_it_to_the_relief(path: str) -> None:
    article = STOCK[path]
    said = tell(article.title, article.text, article.outlet.language, (), PACKS, year=NOW.year)
    released = next(topic for topic in said.topics if topic.topic == "prisoners.released" and topic.modality == "done")
    sides = {(said.topics[link.from_topic].topic, said.topics[link.to_topic].topic) for link in said.links}

    assert released.number == 3
    assert released.sure
    assert released.salience == "lead"
    assert sides == {("prisoners.released", "sanctions.eased")}


@pytest.mark.parametrize("watch", WATCHES, ids=lambda watch: slug(watch["name"]))
def test_a_watch_passes_its_own_examples(watch: dict[str, Any], matcher: Matcher) -> None:
    def heard(text: str) -> set[str]:
        language = "de" if " und " in text or "Gefangene" in text else "en"
        return set(matcher.match(document(told("", text, language, no_names))))

    assert [text for text in watch.get("must_ring", ()) if slug(watch["name"]) not in heard(text)] == []
    assert [text for text in watch.get("must_not_ring", ()) if slug(watch["name"]) in heard(text)] == []
