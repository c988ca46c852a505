"""What must hold for every text: evidence points at the words that it names, in one field, inside its sentence."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from names_kit import names_cache

from enrich.article import MODALITY_GROUP
from enrich.enricher import Enricher, enrich_record
from enrich.face import article_of, as_object
from ingest import wire
from ingest.archive import Capture
from ingest.article import Article
from ingest.entry import Entry, Origin
from ingest.extract import extract_page, page_item

PAGES = Path(__file__).parents[2].parent / "shared" / "data" / "pages" / "pages.jsonl.gz"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def cache():
    return names_cache()


@pytest.fixture(scope="session")
def enricher(cache):
    return Enricher.load(cache)


def check(enriched):
    """Every claim has its evidence."""
    article = enriched.article
    fields = {"title": article.title, "text": article.text}
    for mention in enriched.entities:
        assert fields[mention.field][mention.start : mention.end] == mention.surface
        assert mention.surface.strip()
        assert mention.id
        assert ":" not in mention.id
        assert mention.pack
    for topic in enriched.topics:
        text = fields[topic.field]
        first, last = topic.sentence
        assert 0 <= first <= topic.start < topic.end <= last <= len(text)
        assert topic.modality in MODALITY_GROUP
        assert 0 <= topic.confidence <= 1
        assert topic.rule
        assert topic.pack
        assert topic.mentions[0].start == topic.start
        if topic.cue is not None:
            assert 0 <= topic.cue[0] < topic.cue[1] <= len(text)
        for party in (topic.actor, topic.target):
            assert not party or party in {mention.id for mention in enriched.entities}
    for link in enriched.links:
        assert link.from_topic != link.to_topic
        assert max(link.from_topic, link.to_topic) < len(enriched.topics)
        assert fields[link.field][link.start : link.end].strip()


PIECES = [
    "Three prisoners", "were released", "in Minsk", "on Monday.", "In return,", "Washington", "offered to ease",
    "sanctions", "on potash.", "“", "”", " ", "\n", "Лукашенко", "освободил троих заключённых", "в обмен на", "санкции",
    "отказался смягчить", "Tiga tahanan", "dibebaskan", "sebagai imbalan", "sanksi", "tidak akan", "囚犯获释", "制裁",
    "السجناء", "Gefangene", "freigelassen", "im Gegenzug", "?", "…", "1.226", "e\u0301", "🙂", "İ", "ß", "Mr. Smith",
]  # fmt: skip
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
    st.text(max_size=200),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=30).map("".join),
)


@given(title=texts, text=texts, language=st.sampled_from(["", "en", "id", "ru", "pl", "de", "fr", "zh", "ar", "xx"]))
@settings(max_examples=300, deadline=None)
def test_evidence_holds_for_any_text(enricher, title, text, language):
    article = article_of({"id": "a", "title": title, "text": text, "language": language}, now=NOON)
    enriched = enricher.enrich(article)
    check(enriched)
    assert enriched == enricher.enrich(article)
    json.dumps(as_object(enriched, "a"))


def test_a_record_goes_through_a_child_unchanged(enricher, cache):
    article = article_of({"id": "a", "text": "Three prisoners were released in Minsk."}, now=NOON)
    key, data = enrich_record((str(cache), wire.encode(article)))
    assert key == "a"
    assert data == wire.encode(enricher.enrich(article))


@pytest.mark.skipif(not PAGES.exists(), reason="the shared pages are absent: no real page to read")
def test_evidence_holds_on_real_pages_and_most_name_somebody(enricher):
    covered, named = 0, 0
    with gzip.open(PAGES, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            enriched = enricher.enrich(read(row))
            check(enriched)
            if enriched.language.code in {"en", "id", "ru", "pl", "de", "fr"}:
                covered += 1
                named += bool(enriched.entities)
    assert covered > 20
    assert named >= covered / 2


def read(row):
    capture = Capture(
        url=row["url"], status=200, headers={"content-type": "text/html; charset=utf-8"}, body=row["html"].encode(),
        fetched=NOON,
    )  # fmt: skip
    entry = Entry(id="e", feed="f", source="", link=row["url"], url=row["url"], title="", content_hash="", seen=NOON)
    said = extract_page(page_item(capture, entry))
    return Article(
        id=row["id"], revision=1, url=row["url"], feed="f", source="", title=said.title, text=said.text,
        language=said.language, published=said.published, path=said.path, origin=Origin.LIVE, seen=NOON,
    )  # fmt: skip
