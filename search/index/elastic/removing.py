"""What is too old in the index -> gone: a whole month at once where that can be."""

import time
from collections.abc import Callable, Iterator, Mapping

from search.index.elastic import mapping
from search.index.elastic.bulk import Operation, send
from search.index.elastic.places import behind
from search.index.elastic.searching import searched, walk
from search.index.elastic.server import Server


def remove_before(server: Server, seen_ms: int, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Removes articles and their events, and polls, that came before; gives how many articles.

    An index of each kind always stays, so that the alias does.
    """
    settings, gone = server.settings, 0
    for index in behind(server, "articles"):
        generation = mapping.generation_of(settings, "articles", index)
        events = mapping.index_name(settings, "events", generation, mapping.month_of(index))
        if _is_last(server, "articles") or not (dropped := _drop(server, index, [events], seen_ms)):
            _delete(server, events, seen_ms, sleep)
            gone += _delete(server, index, seen_ms, sleep)
        else:
            gone += dropped[0]
    for index in behind(server, "polls"):
        if _is_last(server, "polls") or not _drop(server, index, [], seen_ms):
            _delete(server, index, seen_ms, sleep)
    return gone


def _is_last(server: Server, kind: str) -> bool:
    return len(behind(server, kind)) < 2


def _drop(server: Server, index: str, beside: list[str], seen_ms: int) -> list[int]:
    """Deletes an index and those beside it, where all in it is old; gives how many documents it had, or nothing.

    Writers are kept out meanwhile: a later revision may come to an old month at any time.
    """
    if mapping.month_end(mapping.month_of(index)) > seen_ms:
        return []
    server.change("PUT", f"/{index}/_block/write")
    newer = {"query": {"range": {"seen": {"gte": seen_ms, "format": "epoch_millis"}}}}
    server.ask("POST", f"/{index}/_refresh")
    if _count(server, index, newer):
        server.change("PUT", f"/{index}/_settings", {"index": {"blocks": {"write": None}}})
        return []
    had = _count(server, index, {})
    for name in (index, *beside):
        server.change("DELETE", f"/{name}", params={"ignore_unavailable": "true"})
    return [had]


def _count(server: Server, index: str, body: Mapping[str, object]) -> int:
    found = searched(server, f"/{index}/_search", {**body, "size": 0, "track_total_hits": True})
    return int(found["hits"]["total"]["value"])


def _delete(server: Server, index: str, seen_ms: int, sleep: Callable[[float], None]) -> int:
    server.ask("POST", f"/{index}/_refresh")
    return sum(result.outcome == "done" for result in send(server, _old(server, index, seen_ms), sleep=sleep))


def _old(server: Server, index: str, seen_ms: int) -> Iterator[Operation]:
    """What came before; a newer revision that comes meanwhile stays."""
    older = {"range": {"seen": {"lt": seen_ms, "format": "epoch_millis"}}}
    for hit in walk(server, index, {"query": older, "_source": False, "version": True}):
        yield Operation(index=index, id=hit["_id"], body=None, version=hit["_version"])
