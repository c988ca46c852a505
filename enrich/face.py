"""EnrichedArticle -> the object that `tocsin enrich --json` prints, and lines of text -> articles for it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from enrich.article import EnrichedArticle, Link, Mention, Topic
from ingest.article import Article
from ingest.entry import Origin, Stamp
from ingest.extract.freeze import freeze
from ingest.identity import digest

SCHEMA = "tocsin.enriched/1"


def as_object(enriched: EnrichedArticle, name: str) -> dict[str, Any]:
    """The stable form of DESIGN section 9. `name` is the id that the caller gave."""
    return {
        "schema": SCHEMA,
        "id": name,
        "language": {"code": enriched.language.code, "score": round(enriched.language.score, 3)},
        "title": enriched.article.title,
        "text": enriched.article.text,
        "entities": [_entity(mention) for mention in enriched.entities],
        "topics": [_topic(topic) for topic in enriched.topics],
        "links": [_link(link) for link in enriched.links],
    }


def _entity(mention: Mention) -> dict[str, Any]:
    return {
        "id": mention.id,
        "name": mention.name,
        "type": mention.type,
        "field": mention.field,
        "start": mention.start,
        "end": mention.end,
        "surface": mention.surface,
        "rule": mention.rule,
        "pack": mention.pack,
        "weak": mention.weak,
        "candidates": [
            {"id": other.id, "name": other.name, "score": round(other.score, 3)} for other in mention.candidates
        ],
    }


def _topic(topic: Topic) -> dict[str, Any]:
    said: dict[str, Any] = {
        "topic": topic.topic,
        "modality": topic.modality,
        "confidence": round(topic.confidence, 3),
        "sure": topic.sure,
        "salience": topic.salience,
        "field": topic.field,
        "start": topic.start,
        "end": topic.end,
        "sentence": list(topic.sentence),
        "rule": topic.rule,
        "pack": topic.pack,
        "codes": topic.codes,
        "mentions": [{"field": span.field, "start": span.start, "end": span.end} for span in topic.mentions],
    }
    if topic.cue is not None:
        said["cue"] = list(topic.cue)
    for name in ("actor", "target"):
        if value := getattr(topic, name):
            said[name] = value
    if topic.number is not None:
        said["number"] = topic.number
    return said


def _link(link: Link) -> dict[str, Any]:
    return {
        "link": link.link,
        "from": link.from_topic,
        "to": link.to_topic,
        "field": link.field,
        "start": link.start,
        "end": link.end,
    }


def article_of(row: Mapping[str, Any], *, now: datetime) -> Article:
    """A line {"id", "text", "title"?, "language"?, "published"?} as an article.

    Raises: ValueError saying what the line lacks.
    """
    if not isinstance(row.get("text"), str):
        raise ValueError('a line needs "text", a string')
    if "id" not in row:
        raise ValueError('a line needs "id"')
    name = str(row["id"])
    return Article(
        id=name,
        revision=1,
        url="",
        feed="",
        source="",
        title=freeze(str(row.get("title") or "")),
        text=freeze(row["text"]),
        language=str(row.get("language") or ""),
        published=_stamp(row.get("published")),
        path="given",
        origin=Origin.REPLAY,
        seen=now,
    )


def _stamp(value: object) -> Stamp | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f'"published" is {value!r}; write an ISO date or time') from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Stamp(value=moment.astimezone(UTC), source="given", raw=str(value))


def sentence_article(text: str, *, now: datetime) -> Article:
    """A sentence alone, as a watch's example gives it."""
    return article_of({"id": digest("example", text), "text": text}, now=now)
