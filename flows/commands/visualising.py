"""`tocsin kibana`: data views, saved searches and dashboards brought to Kibana and back, and a watch's query for it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import EXIT_WRONG, HomeOption, home, say

if TYPE_CHECKING:
    from search.kibana.client import Kibana

kibana = typer.Typer(
    no_args_is_help=True, help="Data views, saved searches and dashboards for Kibana, and watches as queries for it."
)
ObjectsOption = Annotated[
    Path | None, typer.Option("--objects", help="The folder of the objects' files. Default: deploy/kibana of Tocsin.")
]
SHARED = Path("share", "tocsin", "kibana")  # below the environment's folder: see pyproject.toml
NameOption = Annotated[
    str, typer.Option("--name", help="What the names of the indices begin with. Default: [index] name.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(kibana, name="kibana")


@kibana.command("apply")
def apply(
    folder: HomeOption = None,
    objects: ObjectsOption = None,
    name: NameOption = "",
    to_print: Annotated[
        bool, typer.Option("--print", help="Print the file that Kibana imports, for an import by hand.")
    ] = False,
) -> None:
    """Imports the objects into the space of [kibana], over those that are there.

    What was changed in Kibana since is lost unless `tocsin kibana export` brought it back first. The space itself must
    be there.
    """
    from flows.settings import read_settings
    from search.kibana.objects import NAME, import_file, read_objects, renamed

    settings = read_settings(home(folder))
    chosen = [renamed(one, NAME, name or settings.index.name) for one in read_objects(_objects(objects))]
    if to_print:
        sys.stdout.write(import_file(chosen))
        return
    there = _kibana(folder)
    version = there.check()
    came = there.put(chosen)
    for line in (*came.errors, *came.moved):
        say(line)
    stand = f"{came.count} of {len(chosen)} objects stand"
    say(f"{stand} in Kibana {version} at {there.where}, space {settings.kibana.space}")
    if came.count < len(chosen):
        raise typer.Exit(EXIT_WRONG)


@kibana.command("export")
def export(
    folder: HomeOption = None,
    objects: ObjectsOption = None,
    name: NameOption = "",
    check: Annotated[
        bool, typer.Option("--check", help="Only show what differs; exit code 1 if something does.")
    ] = False,
) -> None:
    """Brings back what was changed in Kibana, into the objects' files, and shows the difference."""
    from flows.settings import read_settings
    from search.kibana.bringing import brought, changes, newer, write
    from search.kibana.objects import NAME, read_objects, renamed

    index_name = name or read_settings(home(folder)).index.name
    place = _objects(objects)
    known = read_objects(place)
    there = _kibana(folder)
    version = there.check()
    found = brought(there.get(), known)
    changed = 0
    for one in (renamed(one, index_name, NAME) for one in found.objects):
        lines = changes(place, one)
        changed += bool(lines)
        sys.stdout.writelines(lines)
        if lines and (sentence := newer(one, known)):
            say(sentence)
        if lines and not check:
            write(place, one)
    for line in found.missing:
        say(line)
    say(f"{changed} of {len(found.objects)} objects differ from Kibana {version} at {there.where}")
    if check and (changed or found.missing):
        raise typer.Exit(EXIT_WRONG)


@kibana.command("query")
def query(
    watch: Annotated[str, typer.Argument(help="The id of a watch; `tocsin watch list` shows them.")],
    folder: HomeOption = None,
) -> None:
    """Prints the query that finds a watch's articles in Kibana, for its bar set to Lucene."""
    from flows.opening import reading
    from ingest.verdict import Reject
    from search.kibana.lucene import lucene
    from search.query.parse import parse
    from search.watches import WatchStore

    with reading(home(folder)) as ledger:
        found = WatchStore(ledger, parse).get(watch)
    if found is None:
        raise Reject(f"there is no watch {watch!r}; see `tocsin watch list`")
    sys.stdout.write(lucene(parse(found.query)) + "\n")
    say("for the data view Tocsin articles, with the query bar set to Lucene and the time range wide enough")


def _kibana(folder: Path | None) -> "Kibana":
    from flows.settings import read_settings
    from search.kibana.client import Kibana

    return Kibana(read_settings(home(folder)).kibana)


def _objects(given: Path | None) -> Path:
    """The folder of the objects' files: in Tocsin's source, else where an installation puts it."""
    from ingest.verdict import Abort

    places = [given] if given else [Path(__file__).parents[2] / "deploy" / "kibana", Path(sys.prefix) / SHARED]
    for place in places:
        if place.is_dir():
            return place
    raise Abort(f"no folder {places[0]}: name the folder deploy/kibana of Tocsin's source with --objects")
