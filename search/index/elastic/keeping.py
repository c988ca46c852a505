"""An index -> what it says of each article, in the order of ids."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from search.index.elastic.searching import walk
from search.index.elastic.server import Server
from search.index.merging import Pair, merged


class Kept(NamedTuple):
    """What an index says of an article."""

    where: str  # its index
    revision: int = 0
    digest: str = ""
    text_hash: str = ""
    events: int = 0
    withdrawn: bool = False


def kept(server: Server, where: str) -> Iterator[tuple[str, Kept]]:
    """The articles of an index or alias, by id."""
    body: dict[str, Any] = {"sort": [{"id": "asc"}], "_source": list(Kept._fields[1:])}
    for hit in walk(server, where, body):
        said = hit["_source"]
        values = {name: said[name] for name in Kept._fields[1:] if name in said}
        yield hit["_id"], Kept(where=hit["_index"], **values)


def pairs(server: Server, one: str, other: str) -> Iterator[Pair[Kept, Kept]]:
    """The articles of two indices side by side."""
    return merged(kept(server, one), kept(server, other))
