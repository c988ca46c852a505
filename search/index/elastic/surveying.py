"""An index in Elasticsearch -> what stands there, and what Tocsin does without on that server."""

from collections.abc import Iterator
from dataclasses import dataclass

from search.index.elastic import mapping
from search.index.elastic.applying import differences, leftovers
from search.index.elastic.places import behind, told_of
from search.index.elastic.server import Server
from search.index.settings import IndexSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One index."""

    name: str
    kind: str
    documents: int
    bytes: int
    mapping: str  # its version, empty where it tells none
    used: bool  # it stands behind its alias


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything that bears this index's name."""

    versions: tuple[str, ...]  # of the server's nodes
    analyzers: tuple[str, ...]  # in use for titles and texts
    indices: tuple[Standing, ...]
    closing: bool  # the index is being exchanged: writers wait
    without: tuple[str, ...]  # what Tocsin does without here
    different: tuple[str, ...]  # from what this Tocsin makes


def survey(settings: IndexSettings) -> Survey:
    """What stands there.

    Raises: Retry if the server is away; Abort if it is too old or does not let this user look.
    """
    server = Server(settings)
    try:
        about = server.about()
        analyzers = server.analyzers()
        return Survey(
            versions=about.versions,
            analyzers=analyzers,
            indices=tuple(one for kind in mapping.KINDS for one in _standing(server, kind)),
            closing=bool(told_of(server, "articles").get("closing")),
            without=tuple(without(settings, analyzers)),
            different=(*differences(server, analyzers), *leftovers(server)),
        )
    finally:
        server.close()


def without(settings: IndexSettings, analyzers: tuple[str, ...]) -> Iterator[str]:
    """What the server lacks and what that means for people, a sentence each."""
    lacking = sorted(set(settings.analyzers) - set(analyzers))
    if lacking:
        yield (
            f"no language analyzer for {', '.join(lacking)}: words typed in Kibana match as they stand, without their "
            "endings; topics, entities and Tocsin's own queries are the same"
        )


def _standing(server: Server, kind: str) -> Iterator[Standing]:
    alias = mapping.alias(server.settings, kind)
    path = f"/{alias}-v*"
    live = server.ask("GET", f"{path}/_mapping")
    if not live:
        return
    used = set(behind(server, kind))
    server.ask("POST", f"{path}/_refresh")
    counts = server.ask("GET", f"{path}/_stats/docs,store")["indices"]
    for name in sorted(live):
        whole = counts.get(name, {}).get("primaries", {})
        yield Standing(
            name=name,
            kind=kind,
            documents=whole.get("docs", {}).get("count", 0),
            bytes=whole.get("store", {}).get("size_in_bytes", 0),
            mapping=live[name]["mappings"].get("_meta", {}).get("tocsin", {}).get("mapping", ""),
            used=name in used,
        )
