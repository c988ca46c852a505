"""One feed -> its server asked, the answer read in a child, what came of it in the ledger."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import Row, select

from ingest.clock import to_ms
from ingest.feeds import FEED_JOB
from ingest.feeds.interval import max_age
from ingest.feeds.outcome import Outcome
from ingest.feeds.parsed import FeedBody, Limits, ParsedFeed
from ingest.feeds.record import STAGE, Polled, record
from ingest.feeds.tools import CollectTools
from ingest.fetch.errors import FetchError
from ingest.fetch.guard import host_of
from ingest.fetch.response import Response
from ingest.ledger.tables.articles import rejected

PERMANENT = frozenset({301, 308})
PROBLEMS = {"empty": Outcome.EMPTY, "not-a-feed": Outcome.NOT_A_FEED}


async def poll(feed: "Row[Any]", tools: CollectTools) -> Outcome:
    """Polls one row of `feeds`; what came of it is durable when this returns. The caller holds the host.

    The process may be killed at any moment: validators, entries and what is published stand or fall together.
    """
    at = tools.clock()
    retried = await asyncio.to_thread(_is_retried, feed, tools)
    validators = {} if retried or _is_asked_in_full(feed, tools, at) else _validators(feed)
    try:
        response = await tools.fetcher.get(feed.url, kind="feed", headers=validators)
    except FetchError as error:
        return await _record(feed, tools, Polled(outcome=Outcome(error.outcome), detail=str(error), at=at))
    if response.status in (429, 503) and response.retry_after_seconds:
        tools.politeness.hold(host_of(response.url), response.retry_after_seconds)
    polled = _judged(response, at, asked=bool(validators))
    if polled.outcome is Outcome.NEW:
        polled = await _read(feed, tools, polled, response, retried=retried)
    return await _record(feed, tools, polled)


async def _record(feed: "Row[Any]", tools: CollectTools, polled: Polled) -> Outcome:
    return await asyncio.to_thread(record, feed, polled, tools)


def _validators(feed: "Row[Any]") -> dict[str, str]:
    """Byte for byte as the server gave them."""
    said = {"If-None-Match": feed.etag, "If-Modified-Since": feed.last_modified}
    return {name: value for name, value in said.items() if value}


def _is_asked_in_full(feed: "Row[Any]", tools: CollectTools, at: datetime) -> bool:
    """Whether nothing is said of what we have: once a day, and always after a wrong 304."""
    day = tools.settings.probe_seconds * 1000
    return feed.distrusted is not None or feed.last_probe is None or to_ms(at) - feed.last_probe >= day


def _is_retried(feed: "Row[Any]", tools: CollectTools) -> bool:
    """Whether people asked for another try of what was rejected here: then it is read again in any case."""
    rows = rejected.c
    query = select(rows.id).where(rows.state == "retried", rows.stage == STAGE, rows.feed == feed.id).limit(1)
    with tools.ledger.read() as connection:
        return connection.execute(query).first() is not None


def _judged(response: Response, at: datetime, *, asked: bool) -> Polled:
    """The answer by its status alone; NEW stands for a body that is still to be read."""
    status = response.status
    outcome, detail = Outcome.HTTP_ERROR, f"the server answers {_named(status)}"
    if 200 <= status < 300:
        outcome, detail = Outcome.NEW, ""
    elif status == 304 and asked:
        outcome, detail = Outcome.NOT_MODIFIED, ""
    elif status == 304:
        detail = "the server answers 304, though it was asked in full"
    elif status in (404, 410):
        outcome, detail = Outcome.GONE if status == 410 else Outcome.NOT_FOUND, ""
    elif status in (429, 503):
        outcome = Outcome.THROTTLED
    return Polled(
        outcome=outcome,
        detail=detail,
        at=at,
        status=status,
        url=response.url,
        moved_to=_moved_to(response),
        in_full=not asked,
        seconds=response.seconds,
        wire_bytes=response.wire_bytes,
        wait_seconds=response.retry_after_seconds or 0.0,
        floor_seconds=max_age(response.headers.get("cache-control", "")),
        etag=_first(response, "etag"),
        last_modified=_first(response, "last-modified"),
    )


async def _read(feed: "Row[Any]", tools: CollectTools, polled: Polled, response: Response, *, retried: bool) -> Polled:
    """The same with what its body says; the same bytes as the last time are not read again."""
    mark = hashlib.blake2b(response.body, digest_size=16).hexdigest()
    content_type = response.headers.get("content-type", "")[:200]
    polled = replace(polled, body=response.body, body_hash=mark, content_type=content_type)
    if mark == feed.body_hash and not retried:
        return replace(polled, outcome=Outcome.UNCHANGED)
    settings = tools.settings
    body = FeedBody(
        feed=feed.id,
        url=response.url,
        body=response.body,
        content_type=content_type,
        content_language=response.headers.get("content-language", "")[:100],
        now=polled.at,
        limits=Limits(
            entries=settings.entries_limit,
            content_characters=settings.content_limit_characters,
            summary_characters=settings.summary_limit_characters,
        ),
    )
    (result,) = await tools.children.run(FEED_JOB, [body])
    parsed = getattr(result, "value", None)
    if not isinstance(parsed, ParsedFeed):
        why = f"reading it failed: {getattr(result, 'reason', result)}"[:300]
        return replace(polled, outcome=Outcome.FAILED, detail=why, trace=getattr(result, "detail", ""))
    if parsed.problem:
        return replace(polled, outcome=PROBLEMS[parsed.problem], detail=parsed.detail)
    return replace(polled, parsed=parsed, detail=parsed.detail)


def _moved_to(response: Response) -> str:
    """Where permanent redirects lead from the address asked; empty where the first is none."""
    permanent = 0
    for hop in response.hops:
        if hop.status not in PERMANENT:
            break
        permanent += 1
    if not permanent:
        return ""
    return response.hops[permanent].url if permanent < len(response.hops) else response.url


def _first(response: Response, name: str) -> str:
    return next((value for found, value in response.raw_headers if found.lower() == name), "")


def _named(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
