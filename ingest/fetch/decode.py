"""Pieces of a body as they come over the wire -> the decoded body, within limits. The door of brotli."""

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli

from ingest.fetch.errors import BadEncodingError, TooLargeError, TruncatedError

STEP_BYTES = 64 * 1024
RATIO = 100  # decoded to wire
RATIO_FROM_BYTES = 1024 * 1024
MOST_MEMBERS = 1000
ACCEPTED = "gzip, deflate, br"
PLAIN = frozenset({"", "identity", "none", "utf-8", "utf8"})  # the last three are errors of servers, and mean nothing


class Decoder(Protocol):
    """One content encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...  # decoded pieces, none much over STEP_BYTES

    def ended(self) -> bool: ...  # its end marker was seen


class Body:
    """Collects one body. `limit_bytes` holds for the wire and for what comes out."""

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        self._decoder = _decoder(encoding)
        self._limit = limit_bytes
        self._decoded = bytearray()
        self.wire_bytes = 0

    def add(self, data: bytes) -> None:
        """Takes the next piece from the wire.

        Raises: TooLargeError, BadEncodingError.
        """
        self.wire_bytes += len(data)
        if self.wire_bytes > self._limit:
            raise TooLargeError(f"over {self._limit} bytes on the wire")
        try:
            for piece in self._decoder.feed(data):
                self._take(piece)
        except (zlib.error, brotli.error) as error:
            raise BadEncodingError(f"the body is not in the encoding that its header names: {error}") from error

    def _take(self, piece: bytes) -> None:
        room = self._limit - len(self._decoded)
        self._decoded += piece[:room]
        if len(piece) > room:
            raise TooLargeError(f"over {self._limit} bytes decoded")
        size = len(self._decoded)
        if size > RATIO_FROM_BYTES and size > RATIO * self.wire_bytes:
            raise TooLargeError(f"{self.wire_bytes} bytes on the wire unpack to over {size}")

    def end(self) -> None:
        """Says that the wire ended.

        Raises: TruncatedError where the encoding has not ended.
        """
        if self.wire_bytes and not self._decoder.ended():
            raise TruncatedError(f"the body ended after {self.wire_bytes} bytes, before its end marker")

    def decoded(self) -> bytes:
        """What was decoded so far."""
        return bytes(self._decoded)


def _decoder(encoding: str) -> Decoder:
    name = encoding.strip().lower()
    if name in PLAIN:
        return _Plain()
    if name in ("gzip", "x-gzip"):
        return _Gzip()
    if name == "deflate":
        return _Deflate()
    if name == "br":
        return _Brotli()
    raise BadEncodingError(f"content encoding {encoding[:60]!r} was not asked for; one layer of {ACCEPTED} is read")


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def ended(self) -> bool:
        return True


class _Gzip:
    """One or more gzip members (RFC 1952); what follows the last and is none is left unread, as browsers do."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS + 16)
        self._between = b""  # after a member: the first bytes of what follows
        self._members = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if not self._stream.eof:
                yield from _inflate(self._stream, data)
                data = self._stream.unused_data
                continue
            self._between += data
            if len(self._between) < 2 or not self._between.startswith(b"\x1f\x8b"):
                self._between = self._between[:2]
                return
            self._members += 1
            if self._members > MOST_MEMBERS:
                raise TooLargeError(f"over {MOST_MEMBERS} gzip members")
            self._stream, data, self._between = zlib.decompressobj(zlib.MAX_WBITS + 16), self._between, b""

    def ended(self) -> bool:
        return self._stream.eof


class _Deflate:
    """zlib (RFC 1950), or the bare deflate (RFC 1951) that some servers send under the same name."""

    def __init__(self) -> None:
        self._head = b""
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            self._head += data
            if len(self._head) < 2:
                return
            data, head = self._head, self._head
            wrapped = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        if not self._stream.eof:
            yield from _inflate(self._stream, data)

    def ended(self) -> bool:
        return self._stream is not None and self._stream.eof


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream.is_finished():
            return
        piece = self._stream.process(data, output_buffer_limit=STEP_BYTES)
        # It says that it takes more input as soon as it has read all of it, though output may still be waiting.
        while piece or not (self._stream.can_accept_more_data() or self._stream.is_finished()):
            yield piece
            piece = self._stream.process(b"", output_buffer_limit=STEP_BYTES)

    def ended(self) -> bool:
        return bool(self._stream.is_finished())


def _inflate(stream: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    while not stream.eof:
        piece = stream.decompress(data, STEP_BYTES)
        yield piece
        data = stream.unconsumed_tail
        if not data and len(piece) < STEP_BYTES:
            return
