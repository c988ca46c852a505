"""What stands in Elasticsearch, as code: the kinds of documents, their fields, and the templates of their indices."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.clock import from_ms
from search.index.settings import IndexSettings
from search.query import normalise

VERSION = 1  # raise it when documents change and their fields do not
KINDS = ("articles", "events", "alerts", "polls", "rejected")
MONTHLY = ("articles", "events", "polls")  # an index a month; the others have one each
LONGEST_KEYWORD = 1024  # characters, where nothing else bounds them: a longer one is shown, not searched as a whole
LONGEST_TERM = 8191  # characters of four bytes in the longest term that Lucene takes
LONGEST_HIGHLIGHTED = 10_000_000  # characters of a text in which Kibana marks words

Fields = dict[str, dict[str, Any]]

_KEYWORD: dict[str, Any] = {"type": "keyword", "ignore_above": LONGEST_TERM}
_NAME = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
_TIME = {"type": "date", "format": "epoch_millis||strict_date_optional_time"}
_WHOLE = {"type": "integer"}
_LONG = {"type": "long"}
_YES_NO = {"type": "boolean"}
_TOKENS = {"type": "text", "analyzer": "whitespace", "norms": False}


def _text(analyzers: Iterable[str] = (), *, keyword: bool = False) -> dict[str, Any]:
    """Words as people type them in Kibana; sub-fields named after the analyzers, `.keyword` for charts."""
    below: Fields = {name: {"type": "text", "analyzer": name} for name in analyzers}
    if keyword:
        below["keyword"] = _NAME
    return {"type": "text", "analyzer": "standard", "index_options": "offsets"} | ({"fields": below} if below else {})


def fields(kind: str, analyzers: Iterable[str] = ()) -> Fields:
    """The fields of a kind; `analyzers` are the language analyzers that the server has and that are wanted."""
    found = list(analyzers)
    return {
        "articles": lambda: _articles(found),
        "events": lambda: _events(found),
        "alerts": lambda: _alerts(found),
        "polls": _polls,
        "rejected": _rejected,
    }[kind]()


def _articles(analyzers: list[str]) -> Fields:
    return {
        # What queries compile to: see compile.py. Values are cleaned and bounded by search/document.py.
        **dict.fromkeys(("id", "topic", "actor", "target", "link", "entity", "story", "copy"), _KEYWORD),
        **dict.fromkeys(("source", "feed", "language", "type", "has"), _KEYWORD),
        "terms": _TOKENS,
        "title_terms": _TOKENS,
        "words": {
            "type": "keyword",
            "index": False,
            "ignore_above": LONGEST_TERM,
        },  # each of `terms` once, to list the forms of a word
        "seen": _TIME,
        "published": _TIME,
        # For people.
        "title": _text(analyzers, keyword=True),
        "text": _text(analyzers),
        "url": _NAME,
        "topic_name": _KEYWORD,  # the topic alone: charts over `topic` would mix levels
        "actor_name": _NAME,
        "target_name": _NAME,
        "entity_name": _NAME,
        "author": _NAME,
        "new": _NAME,  # what it adds to its story
        "origin": _KEYWORD,
        "withdrawn": _YES_NO,
        "events": _WHOLE,  # how many documents of `events` belong to it
        # For the index itself.
        "revision": _WHOLE,
        "text_hash": _KEYWORD,
        "digest": _KEYWORD,  # of `record`
        "record": {"type": "object", "enabled": False},  # the ToldArticle, kept as it is
    }


def _events(analyzers: list[str]) -> Fields:
    return {
        **dict.fromkeys(("id", "article", "story", "copy", "feed", "source", "language", "origin"), _KEYWORD),
        **dict.fromkeys(("topic", "family", "modality", "group", "salience", "link", "rule", "pack"), _KEYWORD),
        "actor": _KEYWORD,
        "target": _KEYWORD,
        "actor_name": _NAME,
        "target_name": _NAME,
        "sure": _YES_NO,
        "confidence": {"type": "float"},
        "number": _LONG,
        "sentence": _text(analyzers, keyword=True),
        "evidence": _text(keyword=True),  # the words that say it
        "cue": _text(keyword=True),  # the words that decided the modality
        "title": _text(analyzers, keyword=True),
        "url": _NAME,
        "seen": _TIME,
        "published": _TIME,
        "withdrawn": _YES_NO,
        "part": _WHOLE,  # which of the article's events, from 0
        "revision": _WHOLE,
    }


def _alerts(analyzers: list[str]) -> Fields:
    return {
        **dict.fromkeys(("id", "watch", "desk", "severity", "state", "story", "verdict", "origin"), _KEYWORD),
        **dict.fromkeys(("article", "source", "language", "topic_name", "modality", "topic"), _KEYWORD),
        "actor": _KEYWORD,
        "target": _KEYWORD,
        "actor_name": _NAME,
        "target_name": _NAME,
        "watch_name": _NAME,
        "assigned": _NAME,
        "gloss": _text(analyzers, keyword=True),
        "title": _text(analyzers, keyword=True),
        "passage": _text(analyzers),  # the sentences that rang
        "url": _NAME,
        "articles": _WHOLE,
        "sources": _WHOLE,
        "rings": _WHOLE,
        "events": _WHOLE,
        "seen": _TIME,  # its first event
        "rang": _TIME,  # not there where it never rang
        "changed": _TIME,
    }


def _polls() -> Fields:
    return {
        "id": _LONG,
        "feed": _KEYWORD,
        "feed_title": _NAME,
        "feed_url": _NAME,
        "seen": _TIME,
        "outcome": _KEYWORD,
        "status": _WHOLE,
        **dict.fromkeys(("entries", "new", "changed", "capped", "cut", "failed"), _WHOLE),
        "bytes": _LONG,
        "seconds": {"type": "float"},
        "detail": _text(keyword=True),
        "silent": _YES_NO,  # the feed had nothing new for much longer than usual
        "last_new": _TIME,
        "failures": _WHOLE,  # of the feed in a row, as it stood when this was copied
    }


def _rejected() -> Fields:
    return {
        **dict.fromkeys(("id", "stage", "record", "feed", "state"), _KEYWORD),
        "url": _NAME,
        "kind": _NAME,
        "reason": _text(keyword=True),
        "detail": _text(),
        "times": _WHOLE,
        "bytes": _LONG,  # how many; the bytes themselves stay in the ledger
        "seen": _TIME,  # when it was set aside last
    }


def mapping(kind: str, analyzers: Iterable[str] = ()) -> dict[str, Any]:
    """The mapping of a kind. Its version stands in `_meta`: indices of another one must be made anew."""
    found = sorted(analyzers)
    body: dict[str, Any] = {"dynamic": "strict", "properties": fields(kind, found)}
    if kind == "articles":
        # They follow from `record`, and would double what is stored.
        body["_source"] = {"excludes": ["terms", "title_terms", "words"]}
    return body | {"_meta": {"tocsin": {"mapping": version(kind, found)}}}


def version(kind: str, analyzers: Iterable[str] = ()) -> str:
    """A number for people, the normaliser's version, and a digest of the fields."""
    told = json.dumps(fields(kind, sorted(analyzers)), sort_keys=True)
    return f"{VERSION}.{normalise.VERSION}.{hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"


def template(kind: str, settings: IndexSettings, analyzers: Iterable[str] = ()) -> dict[str, Any]:
    """The index template of a kind. No index is made by merely writing to it: it would stand behind no alias."""
    return {
        "index_patterns": [f"{alias(settings, kind)}-v*"],
        "priority": 500,
        "allow_auto_create": False,
        "template": {"settings": index_settings(settings), "mappings": mapping(kind, analyzers)},
        "_meta": {"tocsin": {"mapping": version(kind, analyzers), "analyzers": sorted(analyzers)}},
    }


def index_settings(settings: IndexSettings) -> dict[str, Any]:
    """Settings of every index. A refresh interval that is said keeps indices from falling asleep unsearched."""
    return {
        "index": {
            "number_of_shards": settings.shards,
            "number_of_replicas": settings.replicas,
            "refresh_interval": "1s",
            "translog": {"durability": "request"},  # what is acknowledged is on disk
            "highlight": {"max_analyzed_offset": LONGEST_HIGHLIGHTED},
        }
    }


def alias(settings: IndexSettings, kind: str) -> str:
    """What people and queries name: `tocsin-articles`."""
    return f"{settings.name}-{kind}"


def index_name(settings: IndexSettings, kind: str, generation: int, month: str = "") -> str:
    """One index behind the alias: `tocsin-articles-v1-2026-11`, `tocsin-alerts-v1`."""
    return f"{alias(settings, kind)}-v{generation}" + (f"-{month}" if kind in MONTHLY else "")


def generation_of(settings: IndexSettings, kind: str, index: str) -> int:
    """The generation in an index's name, 0 where it is not one of ours.

    >>> generation_of(IndexSettings(), "articles", "tocsin-articles-v12-2026-11")
    12
    """
    start, _, rest = index.partition(f"{alias(settings, kind)}-v")
    number = rest.split("-", 1)[0]
    return int(number) if not start and number.isdecimal() else 0


def month_of(index: str) -> str:
    """The month in an index's name.

    >>> month_of("tocsin-articles-v1-2026-11")
    '2026-11'
    """
    return "-".join(index.rsplit("-", 2)[1:])


def month(at_ms: int) -> str:
    """The month, in UTC, that a time lies in.

    >>> month(1767225600000)
    '2026-01'
    """
    at = from_ms(at_ms)
    return f"{at.year:04}-{at.month:02}"


def month_end(name: str) -> int:
    """The first ms after a month."""
    year, number = map(int, name.split("-"))
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return round(following.timestamp() * 1000)


def differences(kind: str, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """How the mapping of an index differs from the one that this Tocsin makes, a sentence each."""
    found = [f"{kind}: {line}" for line in _differing("", wanted["properties"], live.get("properties", {}))]
    ours, theirs = (body.get("_meta", {}).get("tocsin", {}).get("mapping", "none") for body in (wanted, live))
    if ours != theirs:
        found.append(f"{kind}: mapping {theirs} stands there, this Tocsin has {ours}")
    return found


def _differing(above: str, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterable[str]:
    for name in sorted(wanted.keys() | live.keys()):
        path = above + name
        if name not in live:
            yield f"field {path} is missing"
        elif name not in wanted:
            yield f"field {path} is not known here"
        else:
            yield from _differing_field(path, wanted[name], live[name])


def _differing_field(path: str, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterable[str]:
    # The server leaves out what is the default.
    ours, theirs = ({name: it for name, it in body.items() if name != "fields"} for body in (wanted, live))
    defaults = {"type": "object", "analyzer": "standard"}
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name, defaults.get(name)), theirs.get(name, defaults.get(name))
        if one != other and not (name == "analyzer" and "text" not in (wanted["type"], live.get("type"))):
            yield f"field {path} has {name} {other}, it should be {one}"
    yield from _differing(f"{path}.", wanted.get("fields", {}), live.get("fields", {}))
