"""Options that many commands share, and how their answers are printed."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.home import Home, find_home

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The folder of this Tocsin. Default: TOCSIN_HOME, else your data folder."),
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many; what is left out is said.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, with stable names.")]

EXIT_DONE, EXIT_WRONG, EXIT_USAGE = 0, 1, 2


def home(given: Path | None) -> Home:
    """The folder that a command works on."""
    return find_home(given, os.environ)


def print_json(schema: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """One object a line; `schema` names what the fields mean and its version."""
    for row in rows:
        sys.stdout.write(json.dumps({"schema": schema, **row}, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def say(text: str) -> None:
    """A line for people, on standard error, so that standard output stays clean for pipes."""
    typer.echo(text, err=True)


def say_left_out(shown: int, total: int) -> None:
    """Says how many of a listing the limit left out."""
    if total > shown:
        say(f"{total - shown} more; --limit {total} shows all")
