"""A WARC file, of whatever program -> the answers of servers that stand in it. A door of warcio."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord

from ingest.archive import ON_THE_WIRE, STEP_BYTES, Capture


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an answer stands in a WARC file, of whatever program, and what it is of."""

    offset: int
    url: str
    status: int
    kind: str  # content type, in lower case
    fetched: datetime


def places(path: Path) -> Iterator[Place]:
    """The answers of servers in a WARC file, in order, also in one that another program wrote.

    Raises: ValueError saying what is wrong with the file, once what stands before has been given.
    """
    with path.open("rb") as file:
        records, count = ArchiveIterator(file), 0
        try:
            for record in records:
                if record.format != "warc":  # other texts are taken for the older form ARC
                    break
                count += 1
                if record.rec_type == "response" and record.http_headers is not None:
                    found = _place(records.offset, record)
                    if found is not None:
                        yield found
        except (ArchiveLoadFailed, EOFError, zlib.error) as error:
            why = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ValueError(f"{path.name}: no whole WARC file: {why}") from error
    if not count:
        raise ValueError(f"{path.name}: no WARC file: there is no record in it")


def capture_at(path: Path, place: Place, limit_bytes: int) -> Capture:
    """The answer that stands at one of `places`, its body decoded.

    Raises: ValueError saying why it cannot be read, or that the body is larger than `limit_bytes`.
    """
    with path.open("rb") as file:
        file.seek(place.offset)
        try:
            record = next(iter(ArchiveIterator(file)))
            body = _at_most(record.content_stream(), limit_bytes + 1)
        except Exception as error:
            # Decoders of many kinds read what strangers wrote, and each has errors of its own.
            raise ValueError(f"it cannot be read: {type(error).__name__}: {error}"[:300]) from error
    if len(body) > limit_bytes:
        raise ValueError(f"its body is larger than {limit_bytes} bytes")
    headers = {name.lower(): value for name, value in record.http_headers.headers if name.lower() not in ON_THE_WIRE}
    return Capture(url=place.url, status=place.status, headers=headers, body=body, fetched=place.fetched)


def _at_most(stream: Any, limit: int) -> bytes:
    pieces, size = [], 0
    while size < limit and (piece := stream.read(min(STEP_BYTES, limit - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _place(offset: int, record: ArcWarcRecord) -> Place | None:
    """None where the record does not say of what it is."""
    url, date = record.rec_headers.get_header("WARC-Target-URI"), record.rec_headers.get_header("WARC-Date")
    try:
        fetched, status = datetime.fromisoformat(date), int(record.http_headers.get_statuscode())
    except (TypeError, ValueError):
        return None
    kind = (record.http_headers.get_header("content-type") or "").strip().lower()
    moment = fetched if fetched.tzinfo else fetched.replace(tzinfo=UTC)
    return Place(offset=offset, url=url.strip("<>"), status=status, kind=kind, fetched=moment) if url else None
