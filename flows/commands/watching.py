"""`tocsin watch`: what rings, its versions, and its examples tried."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.options import EXIT_WRONG, HomeOption, JsonOption, LimitOption, home, print_json, say, say_left_out

watch = typer.Typer(
    no_args_is_help=True, help="What rings: a query with a name, a severity, a desk, channels and examples."
)
FileArgument = Annotated[Path, typer.Argument(help="A TOML file of watches, each a [[watch]].")]


def register(app: typer.Typer) -> None:
    app.add_typer(watch, name="watch")


@watch.command("list")
def listing(folder: HomeOption = None, limit: LimitOption = 200, as_json: JsonOption = False) -> None:
    """The watches in force, switched off ones too."""
    from flows.opening import reading
    from search.query.parse import parse
    from search.watches import WatchStore

    with reading(home(folder)) as ledger:
        found = WatchStore(ledger, parse).listing()
    if as_json:
        import msgspec

        print_json("tocsin.watch/1", (_plain(msgspec.to_builtins(one)) for one in found[:limit]))
    else:
        _table(found[:limit])
        if not found:
            say("no watch yet; `tocsin watch add FILE` takes a file, the desk page makes them too")
    say_left_out(min(limit, len(found)), len(found))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "schema"}


def _table(found: Any) -> None:
    from rich.table import Table

    from flows.commands.showing import console

    table = Table(box=None, header_style="dim")
    for column in ("id", "severity", "desk", "state", "query"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.id, one.severity, one.desk, "on" if one.enabled else "off", one.query)
    console().print(table)


@watch.command("add")
def add(
    file: FileArgument,
    folder: HomeOption = None,
    by: Annotated[str, typer.Option("--by", help="Your name: it stands beside the version.")] = "command",
) -> None:
    """Adds the watches of a file; those that are there get a new version where they differ.

    The examples are not run here: `tocsin watch check FILE` runs them.
    """
    from flows.asking import ask, owner_to_ask
    from flows.opening import owning

    watches, place = _read(file), home(folder)
    owner = owner_to_ask(place)
    if owner is None:
        with owning(place) as parts:
            stored = [(found.id, found.version) for found in (parts.watches.put(one, by=by) for one in watches)]
    else:
        answers = [ask(owner, "/api/watches", _form(one, by)) for one in watches]
        stored = [(str(answer["id"]), int(answer["version"])) for answer in answers]
    for name, version in stored:
        say(f"{name}: version {version}")


def _form(one: Any, by: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "query": one.query,
        "desk": one.desk,
        "severity": one.severity,
        "enabled": one.enabled,
        "channels": list(one.channels),
        "note": one.note,
        "must_ring": "\n".join(one.must_ring),
        "must_not_ring": "\n".join(one.must_not_ring),
        "by": by,
    }


def _read(file: Path) -> Any:
    from ingest.verdict import Abort
    from search.query.parse import parse
    from search.watches import read_watches

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Abort(f"cannot read {file}: {error}") from error
    return read_watches(text, str(file), parse)


@watch.command("check")
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Runs the must-ring and must-not-ring examples of a file; exit code 1 if one fails. Needs no folder."""
    from enrich.face import sentence_article
    from flows.commands.enriching import load_enricher
    from ingest.clock import now
    from search.alerts.engine import Engine
    from search.watches import check as try_examples

    watches = _read(file)
    enricher, engine = load_enricher(), Engine()
    tried = [
        (one, checked)
        for one in watches
        for checked in try_examples(
            one, lambda text: enricher.enrich(sentence_article(text, now=now())), engine.explain
        )
    ]
    failed = [(one, checked) for one, checked in tried if not checked.passed]
    if as_json:
        print_json("tocsin.example/1", (_tried(one, checked) for one, checked in tried))
    else:
        for one, checked in failed:
            wanted = "must ring and does not" if checked.must_ring else "must not ring and does"
            told = ", ".join(f"{topic.topic} {topic.modality}" for topic in checked.article.topics)
            say(f"✗ {one.id}: {wanted}: {checked.text}\n    understood: {told or 'no event'}")
        say(f"{len(tried) - len(failed)} of {len(tried)} examples pass")
    if failed:
        raise typer.Exit(EXIT_WRONG)


def _tried(one: Any, checked: Any) -> dict[str, Any]:
    return {
        "watch": one.id,
        "text": checked.text,
        "must_ring": checked.must_ring,
        "rings": checked.rings,
        "passed": checked.passed,
    }


@watch.command("on")
def switch_on(name: Annotated[str, typer.Argument(help="Its id.")], folder: HomeOption = None) -> None:
    """Switches a watch on."""
    _switch(name, folder, enabled=True)


@watch.command("off")
def switch_off(name: Annotated[str, typer.Argument(help="Its id.")], folder: HomeOption = None) -> None:
    """Switches a watch off: it rings nobody until it is switched on again."""
    _switch(name, folder, enabled=False)


def _switch(name: str, folder: Path | None, *, enabled: bool) -> None:
    from urllib.parse import quote

    from flows.asking import ask, owner_to_ask
    from flows.opening import owning

    place, state = home(folder), "on" if enabled else "off"
    owner = owner_to_ask(place)
    if owner is None:
        with owning(place) as parts:
            parts.watches.switch(name, enabled=enabled, by="command")
    else:
        ask(owner, f"/api/watches/{quote(name)}/{state}")
    say(f"{name} is {state}")
