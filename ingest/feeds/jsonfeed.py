"""A JSON Feed (version 1 or 1.1, jsonfeed.org) -> the same records as from XML."""

import json
from typing import Any

from ingest.feeds.items import absolute, make_entries
from ingest.feeds.parsed import BadItem, FeedBody, Item, ParsedFeed
from ingest.feeds.text import clean, one_line
from ingest.identity import digest


def parse_json(body: FeedBody) -> ParsedFeed:
    """What a JSON document says as a feed; one bad item does not lose the others."""
    try:
        document = json.loads(body.body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        return ParsedFeed(problem="not-a-feed", detail=f"the answer is JSON that cannot be read: {error}"[:300])
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list) or "jsonfeed.org" not in _text(document, "version"):
        return ParsedFeed(problem="not-a-feed", detail="the answer is JSON, but no JSON Feed")
    language = one_line(_text(document, "language"))
    base = absolute(_text(document, "home_page_url"), body.url) or body.url
    taken = items[: body.limits.entries]
    fit = [item for item in taken if isinstance(item, dict)]
    made = make_entries(
        [_item(item, base, language) for item in fit], body, lambda number: _bytes(fit[number]), language
    )
    return ParsedFeed(
        title=one_line(_text(document, "title"))[:1000],
        site=base,
        language=language[:35],
        entries=made.entries,
        bad=(*made.bad, *(_misshapen(item, body) for item in taken if not isinstance(item, dict))),
        capped=len(items) - len(taken),
        cut=made.cut,
    )


def _item(item: dict[str, Any], base: str, language: str) -> Item:
    names = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    dates = ((f"feed:{name}", one_line(_text(item, name))) for name in ("date_published", "date_modified"))
    html = _text(item, "content_html")
    guid = item.get("id")
    return Item(
        guid=one_line(str(guid)) if isinstance(guid, str | int | float) else "",
        link=absolute(_text(item, "url"), base) or _web(_text(item, "id")),
        title=clean(_text(item, "title")),
        summary=clean(_text(item, "summary")),
        content=html or _text(item, "content_text"),
        content_is_html=bool(html),
        dates=tuple((name, raw) for name, raw in dates if raw),
        language=one_line(_text(item, "language")) or language,
        author=", ".join(one_line(_text(name, "name")) for name in names or () if isinstance(name, dict)),
    )


def _web(guid: str) -> str:
    return one_line(guid) if guid.lower().startswith(("http://", "https://")) else ""


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _misshapen(item: object, body: FeedBody) -> BadItem:
    data = _bytes(item)
    reason = "an item of the feed was left out: it is no object"
    return BadItem(record=digest(body.feed, "item", data.decode()), reason=reason, data=data)


def _bytes(item: object) -> bytes:
    return json.dumps(item, ensure_ascii=True).encode()
