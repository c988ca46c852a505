"""What a command asks of the process that owns the folder -> done over the running route."""

from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

import msgspec

from flows.assembly import Assembly
from flows.backfilling import BackfillAsked, Backfilled, backfilled
from flows.digesting import DigestAsked, digested
from flows.maintaining import MaintainAsked, maintained
from ingest import wire
from ingest.verdict import Reject


class OnLoop(Protocol):
    """Runs a coroutine on the loop of the route, from a thread."""

    def __call__(self, work: Coroutine[Any, Any, Backfilled]) -> Backfilled: ...


def operate(assembly: Assembly, on_loop: OnLoop, what: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What came of it, as plain values; the deliver stage sends what is to be told.

    Raises: Reject if it cannot be asked.
    """
    parts, body = assembly.parts, msgspec.json.encode(asked)
    try:
        if what == "digest":
            return _plain(digested(parts, wire.decode(body, DigestAsked)))
        if what == "maintain":
            return _plain(maintained(parts, wire.decode(body, MaintainAsked)))
        if what == "backfill":
            return _plain(on_loop(backfilled(assembly, _addresses(wire.decode(body, BackfillAsked)))))
    except ValueError as error:
        raise Reject(f"this cannot be asked: {error}") from error
    raise Reject(f"there is no {what!r} to ask for; there are digest, maintain and backfill")


def _addresses(asked: BackfillAsked) -> BackfillAsked:
    if asked.source != "addresses":
        raise Reject("end `tocsin run` first: the archive and WARC files are brought in by whoever owns the folder")
    return asked


def _plain(done: object) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(done)
    return plain
