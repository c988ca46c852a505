"""Python objects <-> frames on a pipe: four bytes of length, then a pickle. What a child sends is read as data only."""

import io
import pickle
import struct
from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone
from typing import BinaryIO

HEAD = struct.Struct(">I")
OUT_OF_MEMORY = 77  # exit status of a child
_PLAIN = {cls.__name__: cls for cls in (date, datetime, time, timedelta, timezone)}


class NotDataError(ValueError):
    """A frame that names something other than records of ours."""


def pack(value: object) -> bytes:
    """The frame of `value`.

    Raises: what pickle raises for a value that cannot be sent; ValueError over 4 GiB.
    """
    body = pickle.dumps(value, protocol=5)
    if len(body) > 0xFFFF_FFFF:
        raise ValueError("a message to a child may be 4 GiB at most")
    return HEAD.pack(len(body)) + body


def read_frame(stream: BinaryIO) -> object:
    """The next frame as the child reads it: it trusts its parent.

    Raises: EOFError where the parent has ended.
    """
    head = stream.read(HEAD.size)
    body = stream.read(HEAD.unpack(head)[0]) if len(head) == HEAD.size else b""
    if not body:
        raise EOFError("the parent has ended")
    return pickle.loads(body)  # noqa: S301 - written by the parent


def unpack(body: bytes, packages: Collection[str]) -> object:
    """What a child says, made of plain values and of classes defined in `packages` (top-level names).

    A child reads the bytes of strangers and might be taken over by them; its answers must not run code here.
    Raises: NotDataError for anything else.
    """
    try:
        return _Reader(io.BytesIO(body), packages).load()
    except NotDataError:
        raise
    except Exception as error:
        raise NotDataError(f"an answer that cannot be read: {type(error).__name__}") from error


class _Reader(pickle.Unpickler):
    def __init__(self, file: BinaryIO, packages: Collection[str]) -> None:
        super().__init__(file)
        self._packages = packages

    def find_class(self, module: str, name: str) -> type:
        if module == "datetime" and name in _PLAIN:
            return _PLAIN[name]
        if module.split(".", 1)[0] in self._packages:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise NotDataError(f"an answer may hold plain values and our own records only, not {module}.{name}")
