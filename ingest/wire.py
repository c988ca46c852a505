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
