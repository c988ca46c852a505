"""Told articles and rows of the ledger -> documents of the index, one function a kind; empty fields are left out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row

from enrich.article import MODALITY_GROUP, ToldArticle, Topic
from ingest import wire
from ingest.clock import to_ms
from ingest.identity import digest
from search.alert import Alert
from search.document import document
from search.query.parse import keyword

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleDocuments:
    """An article and its events, ready to be sent."""

    id: str
    revision: int
    seen: int  # ms since 1970
    article: bytes
    events: tuple[bytes, ...]  # of their ids see `event_id`


def event_id(article: str, part: int) -> str:
    """The id of one event of an article: always the same, so that a later revision replaces it.

    >>> event_id("a1", 0)
    'a1:0'
    """
    return f"{article}:{part}"


def article_documents(told: ToldArticle, same_as: str = "") -> ArticleDocuments:
    """What the index keeps of a told article; a pure function of it and of the normaliser's version.

    `same_as` is the digest of the document that it was read from: records of an older schema are written anew, and are
    still the same.
    """
    article = told.enriched.article
    body = article_body(told)
    body["digest"] = same_as or body["digest"]
    return ArticleDocuments(
        id=article.id,
        revision=article.revision,
        seen=body["seen"],
        article=msgspec.json.encode(body),
        events=tuple(msgspec.json.encode(event) for event in event_bodies(told)),
    )


def told_article(record: object) -> ToldArticle:
    """The article that stands in a document's `record`."""
    return msgspec.convert(record, ToldArticle)


def article_body(told: ToldArticle) -> Body:
    """The fields of an article."""
    made, enriched = document(told), told.enriched
    article, names = enriched.article, _names(told)
    record = wire.encode(told)
    body = {
        "id": made.id,
        **{field: sorted(values) for field, values in made.keywords.items()},
        **made.times,
        "has": sorted([*made.keywords, *made.times, *(["terms"] * bool(made.terms)), *_title(made.title_terms)]),
        "terms": " ".join(made.terms),
        "title_terms": " ".join(made.title_terms),
        "words": sorted(set(made.terms)),
        "title": article.title,
        "text": article.text,
        "url": article.url,
        "topic_name": _distinct(topic.topic for topic in enriched.topics),
        "actor_name": _distinct(names.get(topic.actor, "") for topic in enriched.topics),
        "target_name": _distinct(names.get(topic.target, "") for topic in enriched.topics),
        "entity_name": _distinct(mention.name for mention in enriched.entities),
        "author": _distinct(author.name for author in article.authors),
        "new": _distinct(told.new),
        "origin": str(article.origin.value),
        "withdrawn": article.withdrawn,
        "events": len(enriched.topics),
        "revision": article.revision,
        "text_hash": digest(article.title, article.text),
        "digest": digest(record.decode()),
        "record": msgspec.Raw(record),
    }
    return _full(body)


def _title(words: tuple[str, ...]) -> list[str]:
    return ["title_terms"] if words else []


def event_bodies(told: ToldArticle) -> Iterator[Body]:
    """The fields of each event that it tells."""
    enriched = told.enriched
    article, names = enriched.article, _names(told)
    tied: dict[int, list[str]] = {}
    for link in enriched.links:
        for part in (link.from_topic, link.to_topic):
            tied.setdefault(part, []).append(link.link)
    shared = {
        "article": article.id,
        "story": told.story,
        "copy": told.copy_of,
        "feed": article.feed,
        "source": keyword("source", article.source),
        "language": enriched.language.code,
        "origin": str(article.origin.value),
        "title": article.title,
        "url": article.url,
        "seen": to_ms(article.seen),
        "published": None if article.published is None else to_ms(article.published.value),
        "withdrawn": article.withdrawn,
        "revision": article.revision,
    }
    for part, topic in enumerate(enriched.topics):
        own = _event(topic, article.title if topic.field == "title" else article.text, names)
        yield _full(
            {"id": event_id(article.id, part), "part": part, **shared, **own, "link": _distinct(tied.get(part, ()))}
        )


def _event(topic: Topic, text: str, names: Mapping[str, str]) -> Body:
    return {
        "topic": topic.topic,
        "family": topic.topic.split(".", 1)[0],
        "modality": topic.modality,
        "group": MODALITY_GROUP[topic.modality],
        "sure": topic.sure,
        "confidence": topic.confidence,
        "salience": topic.salience,
        "actor": topic.actor,
        "actor_name": names.get(topic.actor, ""),
        "target": topic.target,
        "target_name": names.get(topic.target, ""),
        "number": topic.number if abs(topic.number or 0) < 1 << 63 else None,
        "sentence": text[slice(*topic.sentence)],
        "evidence": text[topic.start : topic.end],
        "cue": text[slice(*topic.cue)] if topic.cue else "",
        "rule": topic.rule,
        "pack": topic.pack,
    }


def alert_document(row: "Row[Any]") -> Body:
    """An alert from its row in the ledger."""
    alert = wire.decode(row.body, Alert)
    tellings = alert.tellings
    said = [one for telling in tellings for one in telling.said]
    return _full(
        {
            "id": alert.id,
            "watch": alert.watch,
            "watch_name": alert.watch_name,
            "desk": alert.desk,
            "severity": alert.severity,
            "state": alert.state,
            "story": alert.story,
            "verdict": alert.verdict,
            "assigned": alert.assigned,
            "gloss": alert.gloss,
            "seen": to_ms(alert.events[0].at if alert.events else alert.changed),
            "rang": None if alert.rang is None else to_ms(alert.rang),
            "changed": to_ms(alert.changed),
            "article": _distinct(telling.article for telling in tellings),
            "title": _distinct(telling.title for telling in tellings),
            "url": _distinct(telling.url for telling in tellings),
            "source": (sources := _distinct(keyword("source", telling.source) for telling in tellings)),
            "language": _distinct(telling.language for telling in tellings),
            "origin": _distinct(telling.origin for telling in tellings),
            "passage": _distinct(passage.text for telling in tellings for passage in telling.passages),
            "topic_name": _distinct(one.topic for one in said),
            "topic": _distinct(f"{one.topic}.{one.modality}" for one in said),
            "modality": _distinct(one.modality for one in said),
            "actor": _distinct(one.actor for one in said),
            "actor_name": _distinct(one.actor_name for one in said),
            "target": _distinct(one.target for one in said),
            "target_name": _distinct(one.target_name for one in said),
            "articles": len(tellings),
            "sources": len(sources),
            "rings": sum(event.rings for event in alert.events),
            "events": len(alert.events),
        }
    )


def poll_document(row: "Row[Any]", *, silent: bool) -> Body:
    """The outcome of a poll, from its row joined with `feed_title`, `feed_url`, `last_new` and `failures`."""
    same = ("id", "feed", "outcome", "status", "entries", "new", "changed", "capped", "cut", "failed", "bytes")
    more = ("seconds", "detail", "feed_title", "feed_url", "last_new", "failures")
    return _full({"seen": row.at, "silent": silent, **{name: getattr(row, name) for name in (*same, *more)}})


def rejected_document(row: "Row[Any]") -> Body:
    """A record that was set aside, without its bytes; `size` of the row is how many there are."""
    same = ("id", "stage", "record", "feed", "url", "reason", "detail", "kind", "times", "state")
    return _full({"seen": row.at, "bytes": row.size, **{name: getattr(row, name) for name in same}})


def _names(told: ToldArticle) -> dict[str, str]:
    return {mention.id: mention.name for mention in told.enriched.entities}


def _distinct(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]


def _full(body: Body) -> Body:
    return {name: value for name, value in body.items() if value not in (None, "", [])}
