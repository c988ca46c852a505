"""`tocsin run`, `demo` and `work`: the route at work."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, home, say

LoopbackOption = Annotated[
    bool,
    typer.Option(
        "--allow-loopback",
        help="Feeds and pages on this machine are allowed, at any port and without pauses between them.",
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", help="Log to the terminal too, not only into the folder.")]
PortOption = Annotated[int | None, typer.Option("--port", help="Where the desk page answers; 0 takes a free port.")]


def register(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("demo")(demo)
    app.command("work")(work)


def run(
    feeds: Annotated[
        list[str] | None,
        typer.Option(
            "--feeds", metavar="FILE|URL", help="An OPML or TOML list, or the address of one feed; repeatable."
        ),
    ] = None,
    watches: Annotated[
        Path | None, typer.Option("--watches", help="A TOML file of watches; it is read again at each start.")
    ] = None,
    folder: HomeOption = None,
    allow_loopback: LoopbackOption = False,
    until_idle: Annotated[
        bool,
        typer.Option(
            "--until-idle",
            help="Poll each feed once, do all work that is due within 30 s, report the rest and end: for cron.",
        ),
    ] = False,
    port: PortOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Reads feeds, rings when a watch matches, and serves the desk page, until Ctrl-C.

    Everything stands in one folder. It may be stopped or killed at any moment: started again it goes on where it was.

    `tocsin run --feeds feeds.opml --watches watches.toml`
    """
    from flows.logs import log_to
    from flows.progress import Progress
    from flows.running import Plan, sentences
    from flows.running import run as run_route

    place = home(folder)
    log_to(place, verbose=verbose)
    with Progress() as progress:
        plan = Plan(
            sources=tuple(feeds or ()),
            watches=watches,
            allow_loopback=allow_loopback,
            until_idle=until_idle,
            port=port,
            opened=lambda address: progress.say(f"the desk page: {address}   (folder {place.path}, Ctrl-C stops)"),
        )
        summary = run_route(place, plan, progress)
    for sentence in sentences(summary):
        say(sentence)


def demo(
    folder: HomeOption = None,
    port: PortOption = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0.1, max=100.0, help="10 publishes the two minutes in twelve seconds.")
    ] = 1.0,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="End once everything was published and read, rather than at Ctrl-C.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Shows Tocsin at work on a bundled newsroom of this machine: no internet, no feeds of yours.

    63 articles in twelve languages appear over two minutes. Open the printed address and watch alerts arrive.
    """
    from flows.demo.show import demonstrate
    from flows.logs import log_to
    from flows.progress import Progress
    from flows.running import sentences

    place = home(folder)
    log_to(place, verbose=verbose)
    with Progress() as progress:
        summary = demonstrate(place, progress, port=port, speed=speed, until_done=until_done)
    for sentence in sentences(summary):
        say(sentence)


def work(
    stage: Annotated[
        str,
        typer.Argument(
            help="collect, extract, enrich, stories, index, watch or deliver; or desk, for the desk page.",
            show_default=False,
        ),
    ],
    folder: HomeOption = None,
    allow_loopback: LoopbackOption = False,
    drain: Annotated[
        bool, typer.Option("--drain", help="End once the stage has nothing to do, rather than at Ctrl-C.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Runs one stage of the route, or the desk page, as a service of its own.

    With a ledger on PostgreSQL and records on Kafka (`ledger.url`, `stream.url`) any number of these run beside each
    other, on one machine or many. With everything in one folder one process has it, so one stage at a time.

    The stages in order: collect, extract, enrich, stories, index, watch, deliver.
    """
    from flows.logs import log_to
    from flows.progress import Progress
    from flows.running import Plan, drain_once, known_stage, sentences
    from flows.running import run as run_route

    if stage != "desk":
        known_stage(stage)
    elif drain:
        raise typer.BadParameter("the desk page has nothing to drain")
    place = home(folder)
    log_to(place, verbose=verbose, stage=stage)
    if drain:
        counts = drain_once(place, stage, allow_loopback=allow_loopback)
        say(f"{stage}: {counts['before'] - counts['after']} done, {counts['after']} left")
        return
    with Progress() as progress:
        stages = () if stage == "desk" else (stage,)
        plan = Plan(
            stages=stages,
            allow_loopback=allow_loopback,
            desk=stage == "desk",
            opened=lambda address: progress.say(f"the desk page: {address}"),
        )
        summary = run_route(place, plan, progress)
    for sentence in sentences(summary):
        say(sentence)
