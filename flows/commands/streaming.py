"""`tocsin stream`: the records between stages, for operators."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import EXIT_WRONG, HomeOption, JsonOption, LimitOption, home, print_json, say

if TYPE_CHECKING:
    from flows.stream.operating import Start

stream = typer.Typer(
    no_args_is_help=True,
    help="The records between stages: topics at the brokers, how far each stage is, looking in, going back.",
)


def register(app: typer.Typer) -> None:
    app.add_typer(stream, name="stream")


@stream.command("apply")
def apply(folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """Makes the topics that are missing at the brokers of `[stream] url`, and shows where others differ.

    What is there is never changed: each difference says what to do. Exit code 1 where something differs.
    """
    from flows import streaming

    place = home(folder)
    found = streaming.apply(place)
    if as_json:
        rows = [{"topic": one.name, "made": one.made, "differences": list(one.differences)} for one in found]
        print_json("tocsin.topic/1", rows)
    else:
        for one in found:
            said = "made" if one.made else "; ".join(one.differences) or "as it should be"
            typer.echo(f"{'✗' if one.differences else '✓'} {one.name}: {said}")
        if not found:
            typer.echo(f"the stream stands in the ledger of {place.path}: it needs no topics")
    if any(one.differences for one in found):
        raise typer.Exit(EXIT_WRONG)


@stream.command("lag")
def lag(folder: HomeOption = None, as_json: JsonOption = False) -> None:
    """Shows how far each stage is: what it has passed, where its topic ends, and how many records wait.

    "on its way": published in the ledger, and not yet at the brokers.
    """
    from flows import streaming

    with streaming.looking(home(folder)) as opened:
        found = list(streaming.lag(opened))
    if as_json:
        names = ("partition", "passed", "end", "waiting")
        rows = [
            {"stage": arrow.stage, "topic": arrow.reads} | {name: getattr(one, name) for name in names}
            for arrow, one in found
        ]
        print_json("tocsin.lag/1", rows)
        return
    from rich.table import Table

    from flows.commands.showing import console

    table = Table(box=None, header_style="dim")
    table.add_column("stage")
    table.add_column("topic")
    for column in ("partition", "passed", "end", "waiting"):
        table.add_column(column, justify="right")
    for arrow, one in found:
        part = "on its way" if one.partition is None else str(one.partition)
        table.add_row(arrow.stage, arrow.reads, part, _number(one.passed), _number(one.end), str(one.waiting))
    console().print(table)


def _number(value: int | None) -> str:
    return "–" if value is None else str(value)


@stream.command("peek")
def peek(
    topic: Annotated[str, typer.Argument(help="entries, articles, enriched or told.")],
    folder: HomeOption = None,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="POSITION|TIME",
            help="The first: 120, in partition 2 alone 2:120, or since 2026-03-01T08:00Z. Default: the newest.",
        ),
    ] = "",
    stage: Annotated[str, typer.Option("--stage", help="Only what this stage has not done.")] = "",
    whole: Annotated[bool, typer.Option("--whole", help="Do not cut long texts.")] = False,
    limit: LimitOption = 10,
) -> None:
    """Prints records of a topic, one JSON object a line. Nothing is taken from the stages that read it."""
    from flows import streaming

    if start and stage:
        raise typer.BadParameter("give --from or --stage, not both")
    begins = _start(start)
    with streaming.looking(home(folder)) as opened:
        found = streaming.peek(opened, topic, begins, limit, stage)
    print_json("tocsin.record/1", (streaming.shown(one, whole=whole) for one in found))
    if not found:
        say(f"no records there; `tocsin stream lag` shows where {topic} begins and ends")


def _start(text: str) -> "Start | None":
    from flows.commands.looking import moment
    from flows.stream.operating import Start
    from ingest.clock import to_ms

    if not text:
        return None
    part, colon, position = text.partition(":")
    if text.isdecimal():
        return Start(position=int(text))
    if colon and part.isdecimal() and position.isdecimal():
        return Start(position=int(position), partition=int(part))
    return Start(at=to_ms(moment(text)))


@stream.command("replay")
def replay(
    stage: Annotated[str, typer.Argument(help="extract, enrich, stories, index or watch.")],
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="The first record that comes again: 2026-03-01T08:00Z.")
    ],
    folder: HomeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many records would come again.")] = False,
) -> None:
    """Puts a stage back in time: it does all records since then once more, and nothing rings twice.

    The stage must not be running. Records that the retention has removed do not come again.
    """
    from flows import streaming
    from flows.commands.looking import moment
    from ingest.clock import to_ms

    at = to_ms(moment(since))
    places = streaming.replay(home(folder), stage, at, dry_run=dry_run)
    records = sum(place.records for place in places)
    if not records:
        say(f"{stage} has passed no record since then: nothing comes again")
        return
    would = "would come" if dry_run else "come"
    say(f"{records} records {would} again to {stage}, in {len(places)} partitions; nothing rings twice")
    if not dry_run:
        say(f"start it again with `tocsin run`, or `tocsin work {stage}`")
