"""`tocsin feeds` and `tocsin collect`: which feeds are read, how they are, and one round of polling."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, LimitOption, home, print_json, say, say_left_out

feeds = typer.Typer(no_args_is_help=True, help="Which feeds are read, and how they are.")


def register(app: typer.Typer) -> None:
    app.add_typer(feeds, name="feeds")
    app.command("collect")(collect)


@feeds.command("list")
def listing(folder: HomeOption = None, limit: LimitOption = 200, as_json: JsonOption = False) -> None:
    """The feeds with their health, those in trouble first."""
    from flows.opening import reading
    from ingest.clock import now
    from ingest.feeds.health import health

    with reading(home(folder)) as ledger:
        found = health(ledger, now(), 1_000_000)
    if as_json:
        from dataclasses import asdict

        print_json("tocsin.feed/1", (asdict(feed) for feed in found[:limit]))
        return
    from rich.table import Table

    from flows.commands.showing import console

    table = Table(box=None, header_style="dim")
    for column in ("feed", "what came of the last poll", "entries", "failures", "address"):
        table.add_column(column)
    for feed in found[:limit]:
        silent = " Silent for longer than usual." if feed.silent else ""
        table.add_row(feed.title, feed.sentence + silent, str(feed.entries), str(feed.failures or ""), feed.url)
    console().print(table)
    say_left_out(min(limit, len(found)), len(found))


@feeds.command("add")
def add(
    source: Annotated[
        str, typer.Argument(metavar="FILE|URL", help="An OPML or TOML list, or the address of one feed.")
    ],
    folder: HomeOption = None,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Feeds on this machine are allowed.")
    ] = False,
) -> None:
    """Adds feeds to the folder; those that are there already stay as they are."""
    from flows.asking import ask, owner_to_ask
    from flows.opening import owning
    from flows.subscribing import counted, subscribe_to

    place = home(folder)
    given = source if "://" in source else str(Path(source).expanduser().absolute())
    owner = owner_to_ask(place)
    if owner is not None:
        say(str(ask(owner, "/api/feeds", {"source": given})["said"]))
        return
    with owning(place, allow_loopback=allow_loopback) as parts:
        added = subscribe_to(parts, [given])
    say(f"{counted(added)}; `tocsin run` polls them")


def collect(
    folder: HomeOption = None,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Feeds on this machine are allowed.")
    ] = False,
) -> None:
    """Polls the feeds that are due, once, and ends. What they showed waits in the folder for `tocsin run` or `work`."""
    from flows.running import collect_once

    counts = collect_once(home(folder), allow_loopback=allow_loopback)
    for outcome, count in sorted(counts.items()):
        say(f"{outcome}: {count}")
