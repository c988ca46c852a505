"""One fetch -> the page as its server gave it, or why there is none."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from ingest.archive import Capture
from ingest.fetch.response import Response
from ingest.pages.tools import Tools
from ingest.queue import Fetch
from ingest.verdict import Reject, Retry

GONE = frozenset({404, 410})
FOR_NOW = frozenset({408, 425, 429})  # and all from 500
PAGE_TYPES = ("text/", "application/xhtml", "application/xml", "application/octet-stream")


class Kind(StrEnum):
    """What is to be done about a failure."""

    LATER = "later"
    NEVER = "never"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no page."""

    kind: Kind
    reason: str  # one line for people
    after_seconds: float = 0.0  # at the earliest


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A fetch with its page, or with its failure."""

    fetch: Fetch
    capture: Capture | None = None
    failure: Failure | None = None


async def visit(fetch: Fetch, host: str, tools: Tools) -> Visit:
    """Asks the robots rules, then the server. The caller holds `host`."""
    if fetch.attempts > tools.settings.queue.attempts:
        return Visit(fetch=fetch, failure=Failure(kind=Kind.NEVER, reason=f"broken off {fetch.attempts - 1} times"))
    url = fetch.entry.url
    try:
        if not await tools.robots.allows(tools.fetcher, url):
            return Visit(
                fetch=fetch, failure=Failure(kind=Kind.NEVER, reason="robots.txt of the host forbids this page")
            )
        delay = tools.robots.delay_seconds(url)
        if delay > 0:
            tools.politeness.hold(host, delay)
        response = await tools.fetcher.get(url, kind="page")
    except Retry as verdict:
        after = verdict.after_seconds or 0.0
        return Visit(fetch=fetch, failure=Failure(kind=Kind.LATER, reason=str(verdict), after_seconds=after))
    except Reject as verdict:
        return Visit(fetch=fetch, failure=Failure(kind=Kind.NEVER, reason=str(verdict)))
    failure = judge(response)
    if failure is not None:
        if response.status in (429, 503) and failure.after_seconds:
            tools.politeness.hold(host, failure.after_seconds)
        return Visit(fetch=fetch, failure=failure)
    capture = Capture(
        url=response.url, status=response.status, headers=response.headers, body=response.body, fetched=tools.now()
    )
    return Visit(fetch=fetch, capture=capture)


def judge(response: Response) -> Failure | None:
    """What is wrong with an answer, None where it is a page."""
    status = response.status
    if 200 <= status < 300:
        kind = response.headers.get("content-type", "").strip().lower()
        if kind and not kind.startswith(PAGE_TYPES):
            return Failure(kind=Kind.NEVER, reason=f"not a page: {kind[:80]}")
        return None if response.body.strip() else Failure(kind=Kind.NEVER, reason="the page is empty")
    reason = f"the server answers {_named(status)}"
    if status in GONE:
        return Failure(kind=Kind.GONE, reason=reason)
    if status in FOR_NOW or status >= 500:
        return Failure(kind=Kind.LATER, reason=reason, after_seconds=response.retry_after_seconds or 0.0)
    return Failure(kind=Kind.NEVER, reason=reason)


def _named(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
