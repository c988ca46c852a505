"""Searches and walks over all hits -> answers of the whole index, never of a part of it."""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ingest.verdict import Abort, Reject, Retry
from search.index.elastic.server import Refused, Server, TurnedAway

log = logging.getLogger(f"tocsin.{__name__}")

WINDOW = 10_000  # index.max_result_window, as every server has it
PAGE = 5_000  # hits of one request when all are walked through
KEEP_ALIVE = "2m"
ASKED_AGAIN, PAUSE_SECONDS = 5, 0.2  # where a shard is not there for a moment: the whole search is turned away
WHOLE = {"allow_partial_search_results": "false"}


def walk(server: Server, where: str, body: Mapping[str, Any], *, page: int = PAGE) -> Iterator[dict[str, Any]]:
    """Every hit of a search in an index or alias, as everything stood when it began, however many there are."""
    opened = searched(server, f"/{where}/_pit", None, {"keep_alive": KEEP_ALIVE})["id"]
    after = body.get("search_after")
    sort = body.get("sort", ["_shard_doc"])
    try:
        while True:
            asked = {**body, "size": page, "sort": sort, "pit": {"id": opened, "keep_alive": KEEP_ALIVE}}
            asked |= {"track_total_hits": False, **({"search_after": after} if after else {})}
            answer = searched(server, "/_search", asked, {})
            hits, opened = answer["hits"]["hits"], answer["pit_id"]
            if answer["_shards"]["failed"]:
                raise Retry(f"a part of the index at {server.where} does not answer")
            yield from hits
            if len(hits) < page:
                return
            after = hits[-1]["sort"]
    finally:
        try:
            server.ask("DELETE", "/_pit", {"id": opened})
        except (Retry, Refused):
            log.info("a point in time is left to end by itself")


def searched(
    server: Server, path: str, body: Mapping[str, Any] | None, params: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The answer to a search, of all shards or none.

    Raises: Reject if the server cannot run it; Abort if what is searched is missing; Retry as ever.
    """
    try:
        return _patiently(server, path, body, WHOLE if params is None else params)
    except Refused as error:
        if error.status == 404 and path == "/_search":
            raise Retry(f"the index at {server.where} was exchanged while all of it was read; ask again") from error
        if error.status == 404:
            raise Abort(f"there is no {path.split('/')[1]} at {server.where}: run `tocsin index apply`") from error
        raise Reject(f"the index at {server.where} cannot run this query: {error}; make it smaller") from error


def _patiently(server: Server, path: str, body: Mapping[str, Any] | None, params: Mapping[str, Any]) -> dict[str, Any]:
    for _ in range(ASKED_AGAIN):
        try:
            return server.ask("POST", path, body, params)
        except TurnedAway:
            time.sleep(PAUSE_SECONDS)
    return server.ask("POST", path, body, params)
