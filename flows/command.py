"""The command `tocsin`: what was typed -> the function that does it, and errors as one line that says what to do."""

import os
import signal
import sys

import typer

from flows.commands import options

app = typer.Typer(
    name="tocsin",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "Rings when the news says what a desk is watching for, in whatever language it is said, "
        "and shows the words that rang it.\n\n"
        "Start with `tocsin demo` to see it at work, or `tocsin run --feeds FILE` with feeds of your own. "
        "Everything stands in one folder (`--home`)."
    ),
)


def _register() -> None:
    from flows.commands import (
        admitting,
        enriching,
        feeding,
        indexing,
        ledgering,
        looking,
        mending,
        operating,
        running,
        streaming,
        visualising,
        watching,
    )

    route = (running, looking, enriching, watching, feeding)
    stores = (streaming, indexing, visualising, ledgering)
    for module in (*route, *stores, operating, admitting, mending):
        module.register(app)


def main() -> None:
    """Runs the command; exit code 0 done, 1 something is wrong with the data or a server, 2 wrong use."""
    from ingest.verdict import Abort, Reject, Retry

    _register()
    try:
        app(standalone_mode=True)
    except (Abort, Reject, Retry) as verdict:
        options.say(f"tocsin: {verdict}")
        sys.exit(options.EXIT_USAGE if isinstance(verdict, ValueError) else options.EXIT_WRONG)
    except ValueError as error:
        if not hasattr(error, "place"):  # a refused query says its place; other errors of this kind are ours
            raise
        options.say(f"tocsin: {error}")
        sys.exit(options.EXIT_USAGE)
    except BrokenPipeError:
        # The reader of a pipe has gone: as quiet as other Unix commands.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
