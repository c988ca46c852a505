"""Templates, first indices and aliases -> made where they are missing; what differs is told, never forced."""

from collections.abc import Iterator
from typing import Any

from ingest.clock import Clock, now, to_ms
from search.index.elastic import mapping
from search.index.elastic.places import behind, make
from search.index.elastic.server import Refused, Server
from search.index.settings import IndexSettings

PUT_AGAIN = ("index_patterns", "priority", "allow_auto_create", "template", "_meta")  # a server adds more of its own


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


def put_template(server: Server, kind: str, analyzers: tuple[str, ...]) -> None:
    """Puts the template of a kind."""
    body = mapping.template(kind, server.settings, analyzers)
    server.change("PUT", f"/_index_template/{mapping.alias(server.settings, kind)}", body)


def put_closing(server: Server, kind: str, generation: int) -> None:
    """Notes in the template that no more indices of a generation may be made; 0 lifts it."""
    path = f"/_index_template/{mapping.alias(server.settings, kind)}"
    body = server.ask("GET", path)["index_templates"][0]["index_template"]
    body = {name: value for name, value in body.items() if name in PUT_AGAIN}
    told = {name: value for name, value in body["_meta"]["tocsin"].items() if name != "closing"}
    body["_meta"]["tocsin"] = {**told, **({"closing": generation} if generation else {})}
    server.change("PUT", path, body)


def next_template(settings: IndexSettings, kind: str) -> str:
    """The name of the template of the generation to come; it is there while a rebuild runs."""
    return f"{mapping.alias(settings, kind)}-next"


def coming(server: Server) -> list[str]:
    """Indices of a generation to come: a rebuild makes them, or left them behind."""
    found: list[str] = []
    for kind in mapping.KINDS:
        numbers = [mapping.generation_of(server.settings, kind, index) for index in behind(server, kind)]
        current = max(numbers, default=0)
        named = server.ask("GET", f"/{mapping.alias(server.settings, kind)}-v*/_alias")
        found += [index for index in named if mapping.generation_of(server.settings, kind, index) > current > 0]
    return sorted(found)


def leftovers(server: Server) -> list[str]:
    """What a rebuild that runs, or that was cut off, has there, in a sentence; nothing where there is none."""
    names = coming(server)
    names += [
        f"the template {name}"
        for kind in mapping.KINDS
        if server.there(f"/_index_template/{(name := next_template(server.settings, kind))}")
    ]
    if not names:
        return []
    some = ", ".join(names[:3])
    return [
        f"{some} at {server.where} belong to a `tocsin index reindex` that runs, or that was cut off: if none runs, "
        "run it with --over"
    ]


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
