"""Records <-> bytes on the stream: JSON through msgspec, one dataclass a topic, unknown fields ignored."""

from datetime import datetime
from typing import TypeVar

import msgspec

T = TypeVar("T")


def encode(record: object) -> bytes:
    """The record as JSON bytes; equal records give equal bytes."""
    return msgspec.json.encode(record)


def decode(data: bytes, kind: type[T]) -> T:
    """The record of `kind` in `data`.

    Raises: ValueError naming the path of the first field that does not fit.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error


class _Addressed(msgspec.Struct):
    url: str = ""
    article: "_Addressed | None" = None
    enriched: "_Addressed | None" = None


def address(data: bytes) -> str:
    """The address of the page that a record is about, empty where none can be read from it.

    >>> address(b'{"enriched": {"article": {"url": "https://a.example/x"}}}')
    'https://a.example/x'
    """
    try:
        found: _Addressed | None = msgspec.json.decode(data, type=_Addressed)
    except msgspec.MsgspecError:
        return ""
    while found is not None and not found.url:
        found = found.enriched or found.article
    return found.url if found else ""


class _Arrived(msgspec.Struct):
    seen: datetime | None = None
    origin: str = ""
    article: "_Arrived | None" = None
    enriched: "_Arrived | None" = None


def arrival(data: bytes) -> datetime | None:
    """When the live entry that a record comes from arrived; None where it is not live, or cannot be read.

    >>> arrival(b'{"article": {"seen": "2026-10-01T08:00:00Z", "origin": "live"}}').isoformat()
    '2026-10-01T08:00:00+00:00'
    >>> arrival(b'{"seen": "2026-10-01T08:00:00Z", "origin": "backfill"}')
    """
    try:
        found: _Arrived | None = msgspec.json.decode(data, type=_Arrived)
    except msgspec.MsgspecError:
        return None
    while found is not None and found.seen is None:
        found = found.enriched or found.article
    return found.seen if found and found.origin == "live" else None
