"""`tocsin ledger`: the ledger brought up to date, backed up, restored and described."""

import time
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, home, print_json, say

PROGRESS_SECONDS = 5.0

ledger = typer.Typer(
    no_args_is_help=True,
    help=(
        "The ledger, in the folder or on the PostgreSQL server of [ledger] url.\n\n"
        "A backup holds the ledger alone: feeds, entries, articles without their texts, stories, watches, alerts, "
        "deliveries, people and the records on the stream. The archive of pages and the index are not in it: copy the "
        "folder `archive`, and make the index anew with `tocsin doctor --rebuild-index`."
    ),
)


def register(app: typer.Typer) -> None:
    app.add_typer(ledger, name="ledger")


@ledger.command("upgrade")
def upgrade(folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """Makes the tables, or brings them to this Tocsin's version. Whole or not at all; again, it changes nothing.

    End the processes that work with the ledger first, and take a backup.
    """
    from flows.ledger_keeping import HEAD, bring_up_to_date

    name, before = bring_up_to_date(home(folder), say)
    if as_json:
        print_json("tocsin.ledger-upgrade/1", [{"ledger": name, "from": before, "to": HEAD}])
    elif before == HEAD:
        typer.echo(f"{name} has version {HEAD} already")
    else:
        typer.echo(f"{name}: from {f'version {before}' if before else 'no tables'} to version {HEAD}")


@ledger.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; what stands there is replaced at the end.")],
    folder: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Writes the ledger as it is now to one compressed file, while Tocsin works on.

    The file can be restored into a folder or into PostgreSQL, wherever it came from. It holds the hashes of passwords:
    keep it where only you can read it. The archive and the index are not in it.
    """
    from flows.ledger_keeping import write_backup

    done = write_backup(home(folder), file, say, _told("written"))
    if as_json:
        row = {"file": file, "version": done.version, "rows": done.rows, "bytes": done.bytes, "sha256": done.sha256}
        print_json("tocsin.ledger-backup/1", [row])
    else:
        typer.echo(f"{file}: {done.rows} rows of version {done.version}, {done.bytes} bytes, SHA-256 {done.sha256}")


@ledger.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `tocsin ledger backup` wrote.")],
    folder: HomeOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Remove what the ledger holds.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Puts a backup into an empty ledger, whole or not at all; one of an older version is brought up to date.

    End all processes that work with the ledger first. The archive and the index are not in it.
    """
    from flows.ledger_keeping import read_backup

    head = read_backup(home(folder), file, say, _told("restored"), replace=replace)
    if as_json:
        rows = {name: table.rows for name, table in head.tables.items()}
        print_json(
            "tocsin.ledger-restore/1", [{"file": file, "version": head.version, "made": head.made, "rows": rows}]
        )
    else:
        typer.echo(f"{head.rows} rows restored, as they were at {head.made} (version {head.version})")


@ledger.command("status")
def status(folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """Where the ledger stands, its version, its rows, its size, who holds what, and the server behind it."""
    from dataclasses import asdict

    from flows.ledger_keeping import describe

    found = describe(home(folder), say)
    if as_json:
        print_json("tocsin.ledger-status/1", [asdict(found)])
        return
    typer.echo(f"{found.name}: version {found.version}, {found.bytes} bytes, {sum(found.rows.values())} rows")
    if found.server:
        typer.echo(
            f"PostgreSQL {found.server}{', a standby that takes no writes' if found.standby else ''}; "
            f"{found.connections} connections of Tocsin, {found.most_connections} at most of all; "
            f"its clock is {found.skew_seconds:+.3f} s from this machine's"
        )
    for name, holder in found.leases.items():
        typer.echo(f"{name} is held by {holder}")
    for name, count in found.rows.items():
        if count:
            typer.echo(f"{count:>12} {name}")


def _told(what: str):  # type: ignore[no-untyped-def]  # Progress, which is not imported before it is used
    """Says how far the work is, every few seconds."""
    last = time.monotonic()

    def tell(done: int, rows: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_SECONDS:
            last = time.monotonic()
            say(f"{done} of {rows} rows {what}")

    return tell
