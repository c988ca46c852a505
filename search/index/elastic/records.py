"""Rows of the ledger -> alerts, polls and rejected records in the index; sent again, they change nothing."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from ingest.clock import from_ms
from ingest.feeds.health import is_silent
from ingest.verdict import Abort, Retry
from search.index.elastic import mapping
from search.index.elastic.bulk import Operation, Result, send
from search.index.elastic.documents import Body, alert_document, poll_document, rejected_document
from search.index.elastic.places import behind, make
from search.index.elastic.server import Server

log = logging.getLogger(f"tocsin.{__name__}")

Rows = Sequence["Row[Any]"]


class Records:
    """What people chart and search in Kibana beside the articles. Safe to use from one thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._indices: dict[str, frozenset[str]] = {}

    def add_alerts(self, rows: Rows) -> None:
        """Adds or replaces alerts from rows of `alerts`; an older state never replaces a newer one."""
        self._put("alerts", [(alert_document(row), row.last_event) for row in rows])

    def add_polls(self, rows: Rows) -> None:
        """Adds the outcomes of polls, from rows of `polls` joined with their feeds (see follow.py)."""
        self._put("polls", [(poll_document(row, silent=is_silent(row, from_ms(row.at))), None) for row in rows])

    def add_rejected(self, rows: Rows) -> None:
        """Adds or replaces rejected records, from rows of `rejected` with `size` for their bytes."""
        self._put("rejected", [(rejected_document(row), None) for row in rows])

    def remove_rejected(self, ids: Iterable[str]) -> None:
        """Takes away rejected records that the ledger no longer keeps."""
        alias = mapping.alias(self._server.settings, "rejected")
        self._judge(send(self._server, (Operation(index=alias, id=name, body=None) for name in ids)))

    def generation(self, kind: str) -> int:
        """The number in the names of the indices of a kind.

        Raises: Abort if there are none.
        """
        return max(mapping.generation_of(self._server.settings, kind, index) for index in self._behind(kind))

    def _put(self, kind: str, documents: Iterable[tuple[Body, int | None]]) -> None:
        self._indices.clear()
        self._judge(
            send(
                self._server,
                (
                    Operation(
                        index=self._target(kind, body["seen"]),
                        id=str(body["id"]),
                        body=msgspec.json.encode(body),
                        version=version,
                        of=str(body["id"]),
                    )
                    for body, version in documents
                ),
            )
        )

    def _target(self, kind: str, seen: int) -> str:
        there = self._indices.get(kind)
        if there is None:
            there = self._indices[kind] = frozenset(self._behind(kind))
        generation = max(mapping.generation_of(self._server.settings, kind, index) for index in there)
        name = mapping.index_name(self._server.settings, kind, generation, mapping.month(seen))
        if name not in there:
            make(self._server, kind, generation, mapping.month(seen))
            self._indices[kind] = there | {name}
        return name

    def _behind(self, kind: str) -> list[str]:
        found = behind(self._server, kind)
        if not found:
            alias = mapping.alias(self._server.settings, kind)
            raise Abort(f"there is no {alias} at {self._server.where}: run `tocsin index apply`")
        return found

    def _judge(self, results: Iterable[Result]) -> None:
        for result in results:
            if result.outcome == "refused":
                # The ledger keeps it; one document that is not shown must not hold up all others.
                log.error("record refused", extra={"record": result.operation.of, "reason": result.reason})
            elif result.outcome in ("missing", "closed"):
                raise Retry(f"{result.operation.index} at {self._server.where} takes no writes now: {result.reason}")
