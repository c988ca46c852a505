"""Templates, first indices and aliases -> made where they are missing; what differs is told, never forced."""

from collections.abc import Iterator
from typing import Any

from ingest.clock import Clock, now, to_ms
from search.index.elastic import mapping
from search.index.elastic.places import behind, make
from search.index.elastic.server import Refused, Server


def apply(server: Server, *, clock: Clock = now) -> tuple[list[str], list[str]]:
    """Makes what is missing; gives what it made and what differs, a sentence each.

    Raises: Retry if the server is away; Abort if it is too old or forbids it.
    """
    server.about()
    analyzers = server.analyzers()
    made: list[str] = []
    for kind in mapping.KINDS:
        name = mapping.alias(server.settings, kind)
        if not server.there(f"/_index_template/{name}"):
            put_template(server, kind, analyzers)
            made.append(f"template {name}")
        if not behind(server, kind):
            made.append(f"index {make(server, kind, 1, _month(kind, clock))} behind {name}")
    return made, list(differences(server, analyzers))


def put_template(server: Server, kind: str, analyzers: tuple[str, ...], *, closing: bool = False) -> None:
    """Puts the template of a kind; `closing` keeps writers from making indices of the old generation."""
    body = mapping.template(kind, server.settings, analyzers)
    body["_meta"]["tocsin"] |= {"analyzers": list(analyzers), **({"closing": True} if closing else {})}
    server.ask("PUT", f"/_index_template/{mapping.alias(server.settings, kind)}", body)


def differences(server: Server, analyzers: tuple[str, ...]) -> Iterator[str]:
    """How what stands on the server differs from what this Tocsin makes."""
    for kind in mapping.KINDS:
        alias = mapping.alias(server.settings, kind)
        wanted = mapping.mapping(kind, analyzers)
        try:
            found = server.ask("GET", f"/_index_template/{alias}")["index_templates"][0]["index_template"]
        except Refused:
            yield f"{kind}: the template {alias} is missing"
            continue
        told = mapping.differences(kind, wanted, found["template"].get("mappings", {}))
        yield from (f"template {alias}: {line}" for line in told)
        if not behind(server, kind):
            yield f"{kind}: the alias {alias} is missing"
            continue
        for index, live in server.ask("GET", f"/{alias}/_mapping").items():
            yield from (f"{index}: {line}" for line in mapping.differences(kind, wanted, live["mappings"]))
        yield from _other_settings(server, alias)


def _other_settings(server: Server, alias: str) -> Iterator[str]:
    wanted = mapping.index_settings(server.settings)["index"]
    for index, live in server.ask("GET", f"/{alias}/_settings").items():
        there: dict[str, Any] = live["settings"]["index"]
        for name in ("number_of_shards", "number_of_replicas"):
            if str(wanted[name]) != there[name]:
                yield f"{index}: {name} is {there[name]}, the settings say {wanted[name]}"


def _month(kind: str, clock: Clock) -> str:
    return mapping.month(to_ms(clock())) if kind in mapping.MONTHLY else ""
