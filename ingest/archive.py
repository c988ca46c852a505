"""Bytes as they were fetched <-> WARC 1.1 files, gzip, a member a record. The door of warcio."""

import io
import logging
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import quote

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from ingest.clock import Clock, now
from ingest.verdict import Abort

log = logging.getLogger(f"tocsin.{__name__}")

T = TypeVar("T")
MIB = 1024 * 1024
NAME = re.compile(r"tocsin-(\d{8})-(?:([0-9A-Za-z]+)-)?(\d{4,})\.warc\.gz")
WRITER = re.compile(r"[0-9A-Za-z]{0,40}")
KEPT_AT = "urn:x-tocsin:record"  # what a record that was not fetched is kept as
MEMBER = b"\x1f\x8b\x08"  # how a gzip member begins
LEVEL = 3  # on real pages 2.3 ms each; 5 takes 3.9 ms for a tenth less, 9 far longer for a sixth
STEP_BYTES = 64 * 1024
KEPT_AS = "x-archive-orig-"  # what was true of the body on the wire, and is not of the decoded one
ON_THE_WIRE = frozenset({"content-encoding", "transfer-encoding", "content-length"})
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # what names a header (RFC 9110); others are left out
CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
PRINTABLE = bytes(range(0x20, 0x7F)).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSettings:
    """When a new file is begun; each day begins one too."""

    file_limit_bytes: int = 512 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One answer of one server, its body decoded."""

    url: str  # that answered
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    fetched: datetime


class Archive:
    """The WARC files of one folder. One process writes each file; its threads may share this.

    Where several processes share the folder, each gives a `writer` of its own, of letters and digits, which stands in
    the names of its files. Anyone may read all of them.
    """

    def __init__(
        self, folder: Path, clock: Clock = now, settings: ArchiveSettings | None = None, *, writer: str = ""
    ) -> None:
        if not WRITER.fullmatch(writer):
            raise ValueError(f"{writer!r} cannot stand in the name of a file: give at most 40 letters and digits")
        self._folder, self._clock, self._settings = folder, clock, settings or ArchiveSettings()
        self._writer = writer
        self._file: io.FileIO | None = None
        self._path = folder  # of the open file
        self._whole = 0  # bytes of it that are whole records, on disk
        self._lock = threading.Lock()

    def append(self, captures: Sequence[Capture]) -> list[str]:
        """Adds the captures, on disk when it returns; gives "<file>#<offset>" for each, in order.

        Raises: Abort if the disk does not take them; what was whole before stays so.
        """
        return self._append([_member(capture) for capture in captures]) if captures else []

    def keep(self, data: bytes) -> str:
        """Adds bytes that were not fetched, on disk when it returns; gives "<file>#<offset>". Raises as `append`."""
        return self._append([_resource(data, self._clock())])[0]

    def kept(self, reference: str) -> bytes:
        """What `keep` was given; raises as `record` does."""
        return self._at(reference, _resource_bytes)

    def _append(self, members: Sequence[bytes]) -> list[str]:
        with self._lock:
            try:
                return self._write(self._ready(), members)
            except OSError as error:
                self._undo()
                raise Abort(
                    f"the archive in {self._folder} cannot be written: {error.strerror or error}; "
                    "free space or mend the disk, then start again: nothing was lost"
                ) from error

    def record(self, reference: str) -> Capture:
        """The capture behind a reference.

        Raises: FileNotFoundError if the file is gone; ValueError if no whole record stands there.
        """
        return self._at(reference, _capture)

    def read(self, reference: str) -> tuple[dict[str, str], bytes]:
        """The headers and the body behind a reference; raises as `record` does."""
        found = self.record(reference)
        return dict(found.headers), found.body

    def _at(self, reference: str, read: Callable[[ArcWarcRecord], T]) -> T:
        name, _, offset = reference.partition("#")
        if not NAME.fullmatch(name) or not offset.isdecimal():
            raise ValueError(
                f"{reference!r} is no reference into the archive; one looks like tocsin-20260101-0001.warc.gz#0"
            )
        with (self._folder / name).open("rb") as file:
            file.seek(int(offset))
            try:
                return read(next(iter(ArchiveIterator(file))))
            except (StopIteration, ArchiveLoadFailed, EOFError, zlib.error, AttributeError) as error:
                raise ValueError(f"no whole record at {reference}") from error

    def close(self) -> None:
        """Ends writing; the next `append` goes on in the same file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, file: io.FileIO, members: Iterable[bytes]) -> list[str]:
        references, at = [], self._whole
        for member in members:
            references.append(f"{self._path.name}#{at}")
            _write_all(file, member)
            at += len(member)
        os.fsync(file.fileno())
        self._whole = at
        return references

    def _undo(self) -> None:
        if self._file is None:
            return
        try:
            os.truncate(self._path, self._whole)
        except OSError:
            log.warning("archive not cut back", extra={"file": self._path.name, "whole_bytes": self._whole})
        self.close()

    def _ready(self) -> io.FileIO:
        """The file to append to, opened: the newest where it is of today, whole and below its limit, else a new one."""
        today = self._clock().astimezone(UTC).strftime("%Y%m%d")
        if self._file is not None:
            if _order(self._path)[0] == today and self._whole < self._settings.file_limit_bytes:
                return self._file
            self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        own = [path for path in files(self._folder) if _writer(path) == self._writer]
        newest = max(own, default=None, key=_order)
        if newest is not None and self._continues(newest, today):
            return self._open(newest)
        number = _order(newest)[1] + 1 if newest is not None and _order(newest)[0] == today else 1
        name = "-".join(part for part in ("tocsin", today, self._writer, f"{number:04d}") if part)
        return self._begin(self._folder / f"{name}.warc.gz")

    def _continues(self, newest: Path, today: str) -> bool:
        size = newest.stat().st_size
        whole = _whole_bytes(newest)
        if whole < size:
            log.warning("archive file cut back", extra={"file": newest.name, "torn_bytes": size - whole})
            os.truncate(newest, whole)
            return False
        return _order(newest)[0] == today and size < self._settings.file_limit_bytes

    def _open(self, path: Path) -> io.FileIO:
        self._file, self._path = path.open("ab", buffering=0), path
        self._whole = path.stat().st_size
        return self._file

    def _begin(self, path: Path) -> io.FileIO:
        file = self._open(path)
        self._write(file, [_information(path.name, self._clock())])
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name of the file is on disk too
        finally:
            os.close(folder)
        return file


def files(folder: Path) -> list[Path]:
    """The archive's files in `folder`, oldest first."""
    return sorted((path for path in folder.glob("tocsin-*.warc.gz") if NAME.fullmatch(path.name)), key=_order)


def reference(path: Path, offset: int) -> str:
    """How a record of one of `files` is named."""
    return f"{path.name}#{offset}"


def day(path: Path) -> datetime:
    """The day, in UTC, of one of `files`."""
    return datetime.strptime(_order(path)[0], "%Y%m%d").replace(tzinfo=UTC)


def _write_all(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]  # a disk that fills up takes a part, and raises the next time


def _order(path: Path) -> tuple[str, int]:
    found = NAME.fullmatch(path.name)
    return (found[1], int(found[3])) if found else ("", 0)


def _writer(path: Path) -> str:
    found = NAME.fullmatch(path.name)
    return found[2] or "" if found else ""


def _member(capture: Capture) -> bytes:
    headers = [
        (KEPT_AS + name if name in ON_THE_WIRE else name, _line(value))
        for name, value in capture.headers.items()
        if TOKEN.fullmatch(name)
    ]
    headers.append(("content-length", str(len(capture.body))))
    try:
        phrase = HTTPStatus(capture.status).phrase
    except ValueError:
        phrase = "Unknown"
    builder = WARCWriter(io.BytesIO(), gzip=False, warc_version="1.1")
    record = builder.create_warc_record(
        capture.url,
        "response",
        payload=io.BytesIO(capture.body),
        length=len(capture.body),
        http_headers=StatusAndHeaders(f"{capture.status} {phrase}", headers, protocol="HTTP/1.1"),
        warc_headers_dict={"WARC-Date": _said(capture.fetched)},
    )
    return _packed(builder, record)


def _resource(data: bytes, at: datetime) -> bytes:
    builder = WARCWriter(io.BytesIO(), gzip=False, warc_version="1.1")
    record = builder.create_warc_record(
        KEPT_AT,
        "resource",
        payload=io.BytesIO(data),
        length=len(data),
        warc_content_type="application/octet-stream",
        warc_headers_dict={"WARC-Date": _said(at)},
    )
    return _packed(builder, record)


def _resource_bytes(record: ArcWarcRecord) -> bytes:
    data = bytes(record.raw_stream.read())
    length = int(record.rec_headers.get_header("Content-Length"))
    if record.rec_type != "resource" or len(data) != length:
        raise EOFError(f"{len(data)} bytes of {length}")
    return data


def _said(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _information(name: str, at: datetime) -> bytes:
    builder = WARCWriter(io.BytesIO(), gzip=False, warc_version="1.1")
    said = {"software": "Tocsin", "format": "WARC File Format 1.1", "description": "bodies are stored decoded"}
    record = builder.create_warcinfo_record(name, said)
    record.rec_headers.replace_header("WARC-Date", _said(at))
    return _packed(builder, record)


def _packed(builder: WARCWriter, record: ArcWarcRecord) -> bytes:
    builder.write_record(record)
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS + 16)
    return packer.compress(builder.out.getvalue()) + packer.flush()


def _line(value: str) -> str:
    """A header's value as one line of ASCII; other characters are percent-encoded."""
    return quote(CONTROLS.sub(" ", value).strip().encode("utf-8", "replace"), safe=PRINTABLE)


def _capture(record: ArcWarcRecord) -> Capture:
    headers = {name: value for name, value in record.http_headers.headers if name != "content-length"}
    length = int(record.http_headers.get_header("content-length"))
    body = record.raw_stream.read()
    if len(body) != length:
        raise EOFError(f"{len(body)} bytes of {length}")
    date = record.rec_headers.get_header("WARC-Date")
    return Capture(
        url=record.rec_headers.get_header("WARC-Target-URI"),
        status=int(record.http_headers.get_statuscode()),
        headers={name.removeprefix(KEPT_AS): value for name, value in headers.items()},
        body=body,
        fetched=datetime.fromisoformat(date),
    )


def _whole_bytes(path: Path) -> int:
    """How much of the file is whole records: its size, unless the last append was torn.

    It looks from the end for the last place where a record begins, and reads from there.
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        before = b""  # the first bytes of what was looked at already, for a mark across the border
        start = end
        while start > 0:
            length = min(STEP_BYTES, start)
            start -= length
            file.seek(start)
            piece = file.read(length) + before
            place = piece.rfind(MEMBER)
            while place >= 0:
                whole = _ends(file, start + place)
                if whole is not None:
                    return start + place if whole < 0 else whole
                place = piece.rfind(MEMBER, 0, place + len(MEMBER) - 1)
            before = piece[: len(MEMBER) - 1]
    return 0


def _ends(file: BinaryIO, start: int) -> int | None:
    """Where the record that begins at `start` ends: -1 if it is torn, None if none begins there."""
    file.seek(start)
    stream, head, position = zlib.decompressobj(zlib.MAX_WBITS + 16), b"", start
    try:
        while piece := file.read(STEP_BYTES):
            position += len(piece)
            data = stream.decompress(piece)
            head += data[:16]
            if len(head) >= 5 and not head.startswith(b"WARC/"):
                return None
            if stream.eof:
                return position - len(stream.unused_data) if head.startswith(b"WARC/") else None
    except zlib.error:
        return -1 if head.startswith(b"WARC/") else None
    return -1 if head.startswith(b"WARC/") else None
