"""Articles into Elasticsearch through the index and through the client's plain streaming_bulk -> both rates.

    python tests/bench/elastic_bulk.py http://127.0.0.1:9200 [articles]

Without an address it takes that of the tests. Both sides write the same documents, made from the same told articles
as they go, into indices of the same mapping. Tocsin's side also looks up where each article stands, sends its events
before it, and counts revisions. Rounds alternate, so that both sides meet the same machine; the medians are compared.
"""

import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk
from servers import server

from enrich.article import EnrichedArticle, Language, Link, Mention, StoryKeys, ToldArticle, Topic
from flows.demo.stock import stock
from ingest.article import Article
from ingest.entry import Origin
from search.index.elastic.applying import apply
from search.index.elastic.documents import article_body, event_bodies
from search.index.elastic.index import ElasticIndex
from search.index.settings import IndexSettings

ARTICLES, ROUNDS, BATCHES, CHUNK = 2_000, 3, (500, 64), 500
TARGET = 0.9
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def articles(count: int) -> list[ToldArticle]:
    """Texts of the bundled newsroom, shuffled sentence by sentence, each with the tags of an average article."""
    chance = random.Random(7)  # the same articles every time
    sentences = [line for one in stock() for line in one.text.replace(". ", ".\n").splitlines() if line.strip()]
    return [_article(number, " ".join(chance.choices(sentences, k=18))) for number in range(count)]


def _article(number: int, text: str) -> ToldArticle:
    article = Article(
        id=f"{number:020x}", revision=1, url=f"https://news.example/{number}", feed=f"f{number % 50}",
        source=f"Outlet {number % 50}", title=text[:70], text=text, path="cut", origin=Origin.LIVE,
        seen=NOON + timedelta(seconds=number),
    )  # fmt: skip
    mentions = tuple(
        Mention(
            id=f"Q{(number + step) % 300}", name=f"Name {(number + step) % 300}", type="place", field="text",
            start=step, end=step + 5, surface=text[step : step + 5], rule="known", pack="names@bench",
        )
        for step in range(20)
    )  # fmt: skip
    topics = tuple(
        Topic(
            topic=name, modality="done", confidence=0.9, sure=True, salience="lead", field="text", start=0, end=9,
            sentence=(0, 120), rule="rule", pack="en@bench", target="Q184",
        )
        for name in ("sanctions.eased", "prisoners.released")
    )  # fmt: skip
    tie = Link(
        link="in-exchange", from_topic=0, to_topic=1, field="text", start=0, end=9, rule="exchange", pack="en@bench"
    )
    enriched = EnrichedArticle(
        article=article, language=Language(code="en", score=1.0, source="text"), entities=mentions, topics=topics,
        links=(tie,), keys=StoryKeys(day=0, words={f"word{step}": 1 for step in range(60)}),
    )  # fmt: skip
    return ToldArticle(enriched=enriched, story=f"{number // 3:020x}")


@contextmanager
def fresh(url: str) -> Iterator[ElasticIndex]:
    """An empty index of its own on the server, with the month of the articles made."""
    index = ElasticIndex(IndexSettings(url=url, name=f"bench-{secrets.token_hex(5)}"))
    try:
        apply(index.server)
        index.places.target("2026-03")
        yield index
    finally:
        name = index.server.settings.name
        index.server.ask("DELETE", "/" + ",".join(index.server.ask("GET", f"/{name}-*/_alias")))
        for kind in ("articles", "events", "alerts", "polls", "rejected"):
            index.server.ask("DELETE", f"/_index_template/{name}-{kind}")
        index.close()


def ours(told: list[ToldArticle], batch: int) -> Callable[[str], float]:
    """Seconds that the index takes, batch by batch as the stage gives them."""

    def measure(url: str) -> float:
        with fresh(url) as index:
            began = time.perf_counter()
            for start in range(0, len(told), batch):
                index.add(told[start : start + batch])
            return time.perf_counter() - began

    return measure


def plain(told: list[ToldArticle]) -> Callable[[str], float]:
    """Seconds that the client's own helper takes, as its documentation writes it."""

    def measure(url: str) -> float:
        with fresh(url) as index:
            target = index.places.target("2026-03")
            client = Elasticsearch(url, request_timeout=60)
            began = time.perf_counter()
            for fine, _ in streaming_bulk(
                client, _actions(told, target, index.places.events_of(target)), chunk_size=CHUNK
            ):
                assert fine
            spent = time.perf_counter() - began
            client.close()
            return spent

    return measure


def _actions(told: list[ToldArticle], target: str, events: str) -> Iterator[dict[str, Any]]:
    for one in told:
        body = article_body(one) | {"record": msgspec.to_builtins(one)}
        yield {"_index": target, "_id": body["id"], "_source": body}
        yield from ({"_index": events, "_id": event["id"], "_source": event} for event in event_bodies(one))


def main() -> int:
    """Prints the rates; gives 1 where the ratio with batches of 500 is below the target."""
    url = sys.argv[1] if len(sys.argv) > 1 else server("elasticsearch9").url
    told = articles(int(sys.argv[2]) if len(sys.argv) > 2 else ARTICLES)
    sides = {"streaming_bulk": plain(told), **{f"index, {batch} at a time": ours(told, batch) for batch in BATCHES}}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(ROUNDS + 1):
        for name, measure in sides.items():
            seconds = measure(url)
            if number:  # the first round warms both sides' caches
                spent[name].append(seconds)
    rates = {name: len(told) / median(seconds) for name, seconds in spent.items()}
    bare = rates["streaming_bulk"]
    for name, rate in rates.items():
        print(f"{name:24} {rate:8,.0f} articles/s   {rate / bare:5.2f} of streaming_bulk")
    ratio = rates[f"index, {BATCHES[0]} at a time"] / bare
    print(f"ratio {ratio:.2f}, target {TARGET}")
    return int(ratio < TARGET)


if __name__ == "__main__":
    sys.exit(main())
