"""Records <-> bytes on the stream: JSON through msgspec, one dataclass a topic, unknown fields ignored."""

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
