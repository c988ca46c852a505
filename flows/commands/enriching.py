"""`tocsin enrich` and `tocsin stories --jsonl`: texts -> what they say, without a folder."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import JsonOption, print_json, say

if TYPE_CHECKING:
    from enrich.enricher import Enricher


def register(app: typer.Typer) -> None:
    app.command("enrich")(enrich)


def enrich(
    source: Annotated[
        str, typer.Argument(metavar="FILE|URL|-", help="A page or text: a file, an address, or - for standard input.")
    ],
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help='Lines {"id", "text", "title"?, "language"?, "published"?}, one answer each.'),
    ] = False,
    as_json: JsonOption = False,
    allow_loopback: Annotated[bool, typer.Option("--allow-loopback", help="Read addresses on this machine.")] = False,
) -> None:
    """Shows what a text says: language, names, events with their modality and the words that say so.

    `tocsin enrich article.html` prints one article for people; `--json` as an object; `--jsonl` streams many.
    """
    if jsonl:
        _many(source)
    else:
        _one(source, as_json, allow_loopback)


def load_enricher() -> "Enricher":
    """The enricher with its packs; says so where they have to be compiled first."""
    from enrich.enricher import Enricher, compiled
    from flows.home import packs_cache

    cache = packs_cache()
    if not compiled(cache):
        say("compiling the names of the packs, once: some ten seconds")
    return Enricher.load(cache)


@contextlib.contextmanager
def opened(source: str) -> Iterator[IO[str]]:
    """The lines of a file or of standard input.

    Raises: Abort if the file cannot be read.
    """
    from ingest.verdict import Abort

    if source == "-":
        yield sys.stdin
        return
    try:
        with Path(source).open(encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise Abort(f"cannot read {source}: {error.strerror}") from error


def rows(lines: IO[str], source: str) -> Iterator[dict[str, Any]]:
    """The objects of JSON lines.

    Raises: Reject naming the line that is none.
    """
    from ingest.verdict import Reject

    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise Reject(f"{source}, line {number}: not JSON: {error}") from error
            if not isinstance(row, dict):
                raise Reject(f"{source}, line {number}: write an object with id and text")
            yield row


def _many(source: str) -> None:
    from enrich.face import article_of, as_object
    from ingest.clock import now
    from ingest.verdict import Reject

    enricher = load_enricher()
    with opened(source) as lines:
        for number, row in enumerate(rows(lines, source), 1):
            try:
                article = article_of(row, now=now())
            except ValueError as error:
                raise Reject(f"{source}, object {number}: {error}") from error
            said = as_object(enricher.enrich(article), str(row["id"]))
            sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")


def _one(source: str, as_json: bool, allow_loopback: bool) -> None:
    from enrich.face import as_object
    from flows.single import read_article

    enricher = load_enricher()
    enriched = enricher.enrich(read_article(source, allow_loopback=allow_loopback))
    if as_json:
        said = as_object(enriched, enriched.article.id)
        print_json(said.pop("schema"), [said])
        return
    from flows.commands.showing import show_article

    show_article(enriched)
    if not enriched.topics:
        say("no event that the packs know; `tocsin doctor` lists what each language's pack can see")
