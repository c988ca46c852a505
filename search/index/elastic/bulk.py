"""Operations -> bulk requests of bounded size, and what came of each operation."""

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ingest.verdict import Abort, Retry
from search.index.elastic.server import FULL, Refused, Server, blocked, told

log = logging.getLogger(f"tocsin.{__name__}")

TRIES = 6
FIRST_PAUSE_SECONDS = 0.2
MOST_OPERATIONS = 2_000  # of one request
ANSWER = {"filter_path": "errors,items.*.status,items.*.error"}
# The mapping is not ours: no document is at fault.
OTHER_MAPPING = ("strict_dynamic_mapping_exception",)

# older: what stands there is newer; missing: no such index; closed: the index takes no writes
Outcome = Literal["done", "older", "missing", "closed", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A document to put, or to delete where `body` is None."""

    index: str
    id: str
    body: bytes | None
    version: int | None = None  # puts and deletes nothing newer
    of: str = ""  # the article that it belongs to

    @property
    def lines(self) -> list[bytes]:
        meta: dict[str, Any] = {"_index": self.index, "_id": self.id}
        if self.version is not None:
            meta |= {"version": self.version, "version_type": "external_gte"}
        action = msgspec.json.encode({"delete" if self.body is None else "index": meta})
        return [action] if self.body is None else [action, self.body]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of an operation."""

    operation: Operation
    outcome: Outcome
    reason: str = ""


def send(
    server: Server, operations: Iterable[Operation], *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Result]:
    """Sends all and gives what came of each, durable by then.

    What the server is too busy for is sent again after a pause that doubles.
    Raises: Retry if the server is away, full, or still too busy; Abort if the mapping is another one.
    """
    for batch in batches(operations, server.settings.batch_bytes):
        yield from _sent(server, batch, sleep)


def batches(operations: Iterable[Operation], most_bytes: int) -> Iterator[list[Operation]]:
    """The operations in order, in requests of at most `most_bytes`, unless one alone is larger."""
    batch: list[Operation] = []
    size = 0
    for operation in operations:
        weight = len(operation.body or b"") + len(operation.id) + 120
        if batch and (size + weight > most_bytes or len(batch) == MOST_OPERATIONS):
            yield batch
            batch, size = [], 0
        batch.append(operation)
        size += weight
    if batch:
        yield batch


def _sent(server: Server, batch: Sequence[Operation], sleep: Callable[[float], None]) -> Iterator[Result]:
    busy = ""
    for number in range(TRIES):
        if number:
            log.info("bulk sent again", extra={"operations": len(batch), "reason": busy})
            sleep(FIRST_PAUSE_SECONDS * 2**number * random.uniform(0.5, 1))  # noqa: S311 - to part workers
        left: list[Operation] = []
        for operation, status, error in _asked(server, batch):
            if status == 429 and FULL not in told(error)[1]:
                left.append(operation)
                busy = told(error)[1]
            else:
                yield _result(server, operation, status, error)
        if not left:
            return
        batch = left
    raise Retry(f"the index at {server.where} is too busy for {len(batch)} operations: {busy}")


def _asked(server: Server, batch: Sequence[Operation]) -> Iterator[tuple[Operation, int, Any]]:
    lines = [line for operation in batch for line in operation.lines]
    try:
        answer = server.ask("POST", "/_bulk", lines, ANSWER)
    except Refused as error:
        if error.status == 413 and len(batch) > 1:  # larger than the server takes
            half = len(batch) // 2
            yield from _asked(server, batch[:half])
            yield from _asked(server, batch[half:])
        elif error.status == 413:
            yield batch[0], 413, {"reason": "larger than the server takes (http.max_content_length)"}
        else:
            raise Abort(f"the index at {server.where} refuses a bulk request: {error}") from error
        return
    except Retry as error:
        if getattr(error.__cause__, "status_code", 0) != 429:
            raise
        yield from ((operation, 429, {"reason": str(error)}) for operation in batch)
        return
    items = answer["items"]
    if len(items) != len(batch):
        raise Retry(f"the index at {server.where} answered for {len(items)} of {len(batch)} operations")
    for operation, item in zip(batch, items, strict=True):
        (found,) = item.values()
        yield operation, found["status"], found.get("error")


def _result(server: Server, operation: Operation, status: int, error: Any) -> Result:
    if error is None:
        return Result(operation=operation, outcome="done")  # a delete that found nothing too
    kind, reason = told(error)
    if kind == "version_conflict_engine_exception":
        return Result(operation=operation, outcome="older")
    if kind == "index_not_found_exception":
        return Result(operation=operation, outcome="missing", reason=reason)
    if kind == "cluster_block_exception":
        if "index write (api)" not in reason:
            raise Retry(blocked(server.where, reason))
        return Result(operation=operation, outcome="closed", reason=reason)
    if kind in OTHER_MAPPING:
        raise Abort(f"{operation.index} at {server.where} has another mapping ({reason}): run `tocsin index apply`")
    if kind == "security_exception" or status in (401, 403):
        raise Abort(f"the index at {server.where} forbids writing: {reason}; give the user or API key that right")
    if status in (400, 413):
        return Result(operation=operation, outcome="refused", reason=f"{operation.index} refuses it: {reason}")
    raise Retry(f"the index at {server.where} could not write ({status}): {reason}")
