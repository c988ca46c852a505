"""`tocsin rejected`, `channels`, `doctor` and `config`: what is wrong, and what to do about it."""

import sys
from typing import Annotated, Any

import typer

from flows.commands.options import EXIT_WRONG, HomeOption, JsonOption, LimitOption, home, print_json, say, say_left_out

rejected = typer.Typer(no_args_is_help=True, help="What could not be used, with its bytes and its reason.")
channels = typer.Typer(no_args_is_help=True, help="Where alerts go out: a test ring, and holding all deliveries.")


def register(app: typer.Typer) -> None:
    app.add_typer(rejected, name="rejected")
    app.add_typer(channels, name="channels")
    app.command("doctor")(doctor)
    app.command("config")(config)


@rejected.command("list")
def listing(
    folder: HomeOption = None,
    state: Annotated[str, typer.Option("--state", help="open, retried, resolved, or all.")] = "open",
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """The rejected records, newest first."""
    from flows.opening import reading
    from ingest import rejected as kept

    wanted = "" if state == "all" else state
    with reading(home(folder)) as ledger:
        found = kept.listing(ledger, limit, wanted)
        total = kept.count(ledger, wanted)
    if as_json:
        print_json("tocsin.rejected/1", (_as_object(one) for one in found))
    else:
        from rich.table import Table

        from flows.commands.showing import console

        table = Table(box=None, header_style="dim")
        for column in ("id", "when", "stage", "reason", "what"):
            table.add_column(column, overflow="fold")
        for one in found:
            table.add_row(one.id, f"{one.at:%Y-%m-%d %H:%M}", one.stage, one.reason, one.url or one.record)
        console().print(table)
    say_left_out(len(found), total)


def _as_object(one: Any) -> dict[str, Any]:
    names = ("id", "stage", "record", "feed", "url", "reason", "detail", "kind", "times", "state", "at")
    return {name: getattr(one, name) for name in names}


@rejected.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The id of a rejected record.")],
    folder: HomeOption = None,
    raw: Annotated[bool, typer.Option("--bytes", help="Print its bytes, and nothing else.")] = False,
) -> None:
    """One rejected record: its reason, the detail, and its bytes as text."""
    from flows.opening import reading
    from ingest import rejected as kept
    from ingest.verdict import Reject

    with reading(home(folder)) as ledger:
        found = kept.show(ledger, name)
    if found is None:
        raise Reject(f"no rejected record {name}; `tocsin rejected list` shows them")
    if raw:
        sys.stdout.buffer.write(found.data)
        return
    for label, value in _as_object(found).items():
        if value not in ("", None):
            typer.echo(f"{label}: {value}")
    typer.echo(f"bytes: {len(found.data)}\n")
    typer.echo(found.data.decode("utf-8", "replace"))


@rejected.command("retry")
def retry(
    names: Annotated[list[str] | None, typer.Argument(help="Ids of rejected records.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    folder: HomeOption = None,
) -> None:
    """Puts rejected records back on the route; `tocsin run` then works on them."""
    from flows.asking import ask, owner_to_ask
    from flows.opening import owning, reading
    from ingest import rejected as kept

    place = home(folder)
    chosen = list(names or ())
    if everything:
        with reading(place) as ledger:
            chosen = [one.id for one in kept.listing(ledger, 1_000_000)]
    owner = owner_to_ask(place)
    if owner is None:
        with owning(place) as parts:
            for name in chosen:
                kept.retry(parts.ledger, name, parts.clock())
    else:
        for name in chosen:
            ask(owner, f"/api/rejected/{name}/retry")
    say(f"{len(chosen)} put back on the route")


@channels.command("test")
def ring(
    name: Annotated[str, typer.Argument(help="The name of a channel in the settings.")],
    folder: HomeOption = None,
    by: Annotated[str, typer.Option("--by", help="Your name: the receiver reads it.")] = "command",
) -> None:
    """Sends a test ring through a channel and says what came of it."""
    from urllib.parse import quote

    from flows.asking import ask, owner_to_ask
    from flows.running import test_ring

    place = home(folder)
    owner = owner_to_ask(place)
    said = (
        str(ask(owner, f"/api/channels/{quote(name)}/test", {"by": by})["said"])
        if owner
        else test_ring(place, name, by)
    )
    say(f"{name}: {said}")
    if not said.startswith("accepted"):
        raise typer.Exit(EXIT_WRONG)


@channels.command("hold")
def hold(folder: HomeOption = None) -> None:
    """Holds all deliveries; the desk page goes on ringing."""
    _hold_or_release(folder, "hold")
    say("all deliveries are held; `tocsin channels release` lets them go out")


@channels.command("release")
def release(
    folder: HomeOption = None,
    drop: Annotated[bool, typer.Option("--drop", help="Drop what is held instead of sending it.")] = False,
) -> None:
    """Lets held deliveries go out, or drops them."""
    _hold_or_release(folder, "release", drop=drop)
    say("what was held is dropped" if drop else "what was held goes out")


def _hold_or_release(folder: Any, act: str, *, drop: bool = False) -> None:
    from flows.asking import ask, owner_to_ask
    from flows.opening import owning
    from search.deliver import outbox

    place = home(folder)
    owner = owner_to_ask(place)
    if owner is not None:
        ask(owner, f"/api/deliveries/{act}?by=command" + ("&drop=true" if drop else ""))
        return
    with owning(place) as parts:
        if act == "hold":
            outbox.hold(parts.ledger, by="command")
        else:
            outbox.release(parts.ledger, by="command", drop=drop)


def doctor(
    folder: HomeOption = None,
    rebuild_index: Annotated[
        bool, typer.Option("--rebuild-index", help="Make the index anew from the stream and the archive, then check.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Checks the folder: stores, packs, feeds, and that every entry ever seen is accounted for.

    Exit code 1 when something is wrong; each line says what to do.
    """
    from flows.doctoring import examine
    from flows.reindexing import reindex, sentences

    place = home(folder)
    if rebuild_index:
        for line in sentences(reindex(place)):
            say(line)
    found = examine(place)
    if as_json:
        from dataclasses import asdict

        print_json("tocsin.check/1", (asdict(one) for one in found))
    else:
        for one in found:
            typer.echo(f"{'✓' if one.fine else '✗'} {one.name}: {one.said}")
    if not all(one.fine for one in found):
        raise typer.Exit(EXIT_WRONG)


def config(folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """Shows every setting in force, with its default replaced by the folder's tocsin.toml and the environment.

    Secrets are shown as ***. In the file: [fetch] contact = "..."; in the environment: TOCSIN__FETCH__CONTACT.
    """
    from flows.configuration import shown
    from flows.settings import read_settings

    place = home(folder)
    values = shown(read_settings(place))
    if as_json:
        print_json("tocsin.settings/1", [values])
        return
    typer.echo(f"# {place.settings}{'' if place.settings.exists() else ' (not there: all defaults)'}")
    for section, table in values.items():
        if isinstance(table, dict):
            typer.echo(f"\n[{section}]")
            for name, value in table.items():
                typer.echo(f"{name} = {_toml(value)}")
    for channel in values.get("channels", []):
        typer.echo("\n[[channels]]")
        for name, value in channel.items():
            typer.echo(f"{name} = {_toml(value)}")


def _toml(value: Any) -> str:
    import json

    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(part)}" for name, part in value.items()) + " }"
    return '""' if value is None else json.dumps(value, ensure_ascii=False)
