"""`tocsin index`: the index made, made anew, compared with the ledger, and looked at."""

from typing import Annotated

import typer

from flows.commands.options import EXIT_WRONG, HomeOption, JsonOption, home, print_json, say

index = typer.Typer(no_args_is_help=True, help="The index: made, made anew, compared with the ledger, looked at.")
SHOWN = 20


def register(app: typer.Typer) -> None:
    app.add_typer(index, name="index")


@index.command("apply")
def apply(folder: HomeOption = None) -> None:
    """Makes templates, indices and aliases where they are missing, and checks those that are there.

    What differs is shown and never forced: exit code 1, and `tocsin index reindex` makes the index anew.
    """
    from flows.reindexing import apply as apply_there

    made, different = apply_there(home(folder))
    for line in made:
        say(f"made: {line}")
    for line in different:
        typer.echo(line)
    if different:
        say("the index differs from what this Tocsin makes; `tocsin index reindex` makes it anew")
        raise typer.Exit(EXIT_WRONG)
    say("the index is as it should be")


@index.command("reindex")
def reindex(
    folder: HomeOption = None,
    over: Annotated[
        bool, typer.Option("--over", help="Take away what a reindex that was cut off left behind. None may be running.")
    ] = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Leave the old indices there, out of use.")] = False,
) -> None:
    """Makes the index anew beside the old one and exchanges them in one step; searches go on all the time.

    Published articles that are in neither the old index nor the stream are then read out of the archive again, with
    the stories that the ledger has them in. It rings nothing. Writers go on meanwhile, but for a moment before the
    exchange, when they wait. With the embedded index no `tocsin run` may be running.

    Exit code 1 when an article is lost; each is named with the reason.
    """
    from flows.reindexing import reindex as reindex_there
    from flows.reindexing import sentences

    done = reindex_there(home(folder), over=over, keep_old=keep_old)
    for line in sentences(done):
        say(line)
    if done.lost:
        raise typer.Exit(EXIT_WRONG)


@index.command("verify")
def verify(folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """Compares every article in the index with the ledger: is it there, once, in that revision and with that text?

    Exit code 1 when something is missing, extra or different.
    """
    from flows.reindexing import verify as verify_there

    found = verify_there(home(folder))
    lists = {name: getattr(found, name) for name in ("missing", "extra", "different", "twice")}
    if as_json:
        numbers = {name: getattr(found, name) for name in ("ledger", "index", "waiting")}
        print_json("tocsin.index-verified/1", [{**numbers, **lists, "fine": found.fine}])
    else:
        typer.echo(
            f"{found.ledger} in the ledger, {found.index} in the index, {found.waiting} on their way or rejected"
        )
        for name, ids in lists.items():
            if ids:
                some = ", ".join(ids[:SHOWN]) + (", ..." if len(ids) > SHOWN else "")
                typer.echo(f"{len(ids)} {name}: {some}")
        if found.fine:
            typer.echo("the index has what the ledger tells")
        else:
            say("`tocsin index reindex` brings back what the index, the stream or the archive hold; --json names all")
    if not found.fine:
        raise typer.Exit(EXIT_WRONG)


@index.command("status")
def status(folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """The server's version, its indices with their sizes and mappings, and what Tocsin does without there."""
    from flows.reindexing import status as look

    lines = look(home(folder))
    if as_json:
        print_json("tocsin.index-status/1", ({"name": name, "said": said} for name, said in lines))
        return
    for name, said in lines:
        typer.echo(f"{name}: {said}")
