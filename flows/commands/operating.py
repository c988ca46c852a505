"""`tocsin digest`, `backfill`, `replay` and `maintain`: what an operator runs by hand, by cron, or as Prefect flows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flows.commands.looking import moment
from flows.commands.options import EXIT_WRONG, HomeOption, JsonOption, home, print_json, say
from flows.commands.running import LoopbackOption


def register(app: typer.Typer) -> None:
    app.command("digest")(digest)
    app.command("backfill")(backfill)
    app.command("replay")(replay)
    app.command("maintain")(maintain)


def digest(
    folder: HomeOption = None,
    desk: Annotated[str, typer.Option("--desk", help="Alerts of this desk. Default: of all desks.")] = "",
    span: Annotated[
        Literal["day", "week"], typer.Option("--span", help="The last whole day, or the last whole week from Monday.")
    ] = "day",
    before: Annotated[
        str, typer.Option("--before", help="The day or week that ends before this date, such as 2026-03-02.")
    ] = "",
    zone: Annotated[str, typer.Option("--zone", help="Whose midnights bound it, such as Europe/Warsaw.")] = "UTC",
    channels: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Where it goes; repeatable. Default: the channels of the desk's watches."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many alerts; the others are counted.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Sends a desk the alerts of a day or a week at once: counts by watch, first lines and links.

    It goes once through each channel for one desk and period, however often it is asked for.

    `tocsin digest --desk Sanctions --zone Europe/Warsaw`
    """
    from flows.asking import owner_to_ask
    from flows.digesting import DigestAsked, Digested, digest_once, sentences

    place, last = home(folder), moment(before)
    asked = DigestAsked(
        desk=desk,
        span=span,
        before=last.date() if last else None,
        zone=zone,
        channels=tuple(channels or ()),
        limit=limit,
    )
    owner = owner_to_ask(place)
    done = _asked_of(owner, "digest", asked, Digested) if owner else digest_once(place, asked)
    if as_json:
        _print("tocsin.digest/1", done)
        return
    typer.echo(done.text)
    _say(sentences(done))


def backfill(
    source: Annotated[
        Literal["archive", "files", "addresses"],
        typer.Argument(help="archive: the folder's own; files: WARC files; addresses: pages to be fetched."),
    ],
    what: Annotated[
        list[str] | None, typer.Argument(help="WARC files; addresses, or files with one address a line.")
    ] = None,
    folder: HomeOption = None,
    since: Annotated[str, typer.Option("--since", help="Captured since: a date or time, such as 2026-03-01.")] = "",
    until: Annotated[str, typer.Option("--until", help="Captured before.")] = "",
    ring: Annotated[bool, typer.Option("--ring", help="As if it were news: watches that match ring.")] = False,
    allow_loopback: LoopbackOption = False,
    as_json: JsonOption = False,
) -> None:
    """Brings in pages that no feed shows any more; nobody is rung unless you ask for it.

    Pages that are known stay as they are. It may be broken off and started again. Addresses are put in line for
    `tocsin run`: the same command again says what became of each.

    `tocsin backfill files crawl-2025.warc.gz`
    """
    from flows.asking import owner_to_ask
    from flows.backfilling import BackfillAsked, Backfilled, backfill_once, read_lists, sentences

    place, given = home(folder), what or []
    asked = BackfillAsked(
        source=source,
        files=tuple(one for one in given if "://" not in one),
        addresses=tuple(one for one in given if "://" in one),
        since=moment(since),
        until=moment(until),
        ring=ring,
    )
    owner = owner_to_ask(place) if source == "addresses" else None
    if owner:
        done = _asked_of(owner, "backfill", read_lists(asked), Backfilled)
    else:
        done = backfill_once(place, asked, allow_loopback=allow_loopback)
    if as_json:
        _print("tocsin.backfill/1", done)
    else:
        _echo(sentences(done))


def replay(
    since: Annotated[str, typer.Option("--since", help="Articles that arrived since, such as 2026-03-01.")],
    until: Annotated[str, typer.Option("--until", help="Articles that arrived before. Default: now.")] = "",
    folder: HomeOption = None,
    packs: Annotated[
        Path | None, typer.Option("--packs", help="A folder of topic packs. Default: those that are installed.")
    ] = None,
    watch: Annotated[str, typer.Option("--watch", help="Only this watch. Default: all that are on.")] = "",
    apply: Annotated[
        bool, typer.Option("--apply", help="Have the new tags take the place of the old in the index.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many differences are shown.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Enriches articles again and shows which alerts would differ, by watch: gained, lost or changed.

    It rings nothing, and writes nothing without --apply. So a pack is tried on the past before it is installed.

    `tocsin replay --since 2026-03-01 --packs ../packs/topics`
    """
    from flows.replaying import ReplayAsked, replay_once, sentences
    from ingest.clock import now

    asked = ReplayAsked(
        since=moment(since), until=moment(until) or now(), packs=packs, watch=watch, apply=apply, limit=limit
    )
    done = replay_once(home(folder), asked)
    if as_json:
        _print("tocsin.replay/1", done)
    else:
        _echo(sentences(done))


def maintain(
    folder: HomeOption = None,
    sweep: Annotated[
        bool, typer.Option("--sweep/--no-sweep", help="Remove what is older than [retention] says.")
    ] = True,
    flows: Annotated[
        bool, typer.Option("--flows", help="Look at the Prefect flows too; PREFECT_API_URL names the server.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Removes what is old, checks feeds and stores, and tells the operator what is new since the last time.

    `[operate] channels = ["pager"]` in tocsin.toml names who is told: once when something goes wrong, once when it is
    over. Exit code 1 when a check fails. For cron, every quarter of an hour; with --flows it also tells when no
    worker runs the flows, which the flow `maintenance` cannot.
    """
    from flows.asking import owner_to_ask
    from flows.maintaining import MaintainAsked, Maintained, maintain_once, sentences

    place = home(folder)
    owner = owner_to_ask(place)
    asked = MaintainAsked(sweep=sweep, seen=_seen(place) if flows else None)
    done = _asked_of(owner, "maintain", asked, Maintained) if owner else maintain_once(place, asked)
    if as_json:
        _print("tocsin.maintenance/1", done)
    else:
        _echo(sentences(done))
    if not done.fine:
        raise typer.Exit(EXIT_WRONG)


def _seen(place: Any) -> Any:
    from flows.scheduled.late import flows_in_trouble
    from flows.settings import read_settings
    from ingest.clock import now

    return flows_in_trouble(now(), read_settings(place).operate.late_minutes)


def _asked_of(owner: Any, what: str, asked: object, kind: type[Any]) -> Any:
    """What the folder's owner did, as if it were done here."""
    import json

    import msgspec

    from flows.asking import ask
    from ingest import wire

    answer = ask(owner, f"/api/operate/{what}", msgspec.to_builtins(asked))
    return wire.decode(json.dumps(answer).encode(), kind)


def _print(schema: str, done: object) -> None:
    import msgspec

    print_json(schema, [msgspec.to_builtins(done)])


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)
