"""What a server answered, as the rest of Tocsin sees it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One redirect on the way: the address that answered, and with which status."""

    status: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The last answer of one request. Any status is an answer."""

    url: str  # that answered, after redirects
    status: int
    headers: dict[str, str]  # names in lower case; the values of a repeated one joined by ", "
    raw_headers: tuple[tuple[str, str], ...] = ()  # in order, as written
    body: bytes = b""  # decoded; what could be read of it where `status` is 400 or over, and of a post
    hops: tuple[Hop, ...] = ()
    seconds: float = 0.0
    wire_bytes: int = 0  # of the body, before decoding
    retry_after_seconds: float | None = None


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait as a Retry-After header asks, from 1 s to 24 h; None where it says nothing readable.

    >>> retry_after("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    >>> retry_after("Thu, 01 Jan 2026 00:01:00 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    60.0
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        seconds = float(text)
    else:
        try:
            until = parsedate_to_datetime(text)
            seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(seconds, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
