"""The bundled newsroom and the route over it, in one process: what `tocsin demo` shows."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import as_file, files

from flows.demo.newsroom import Newsroom
from flows.demo.stock import stock
from flows.home import Home, owner_of
from flows.progress import Progress
from flows.running import Plan, Summary, run
from flows.settings import read_settings
from flows.supervise import Service
from ingest.clock import now
from ingest.feeds.settings import FeedSettings
from ingest.verdict import Abort

POLL_SECONDS = 2.0
NOTE_SECONDS = 0.5
SETTLE_POLLS = 4  # of every feed after the last change


def demonstrate(
    home: Home, progress: Progress, *, port: int | None = None, speed: float = 1.0, until_done: bool = False
) -> Summary:
    """Runs the newsroom and the route until Ctrl-C, or with `until_done` until all was published and read.

    Where the schedule stands is kept in the folder: started again it goes on from there.
    Raises: Abort as `run` does.
    """
    if owner := owner_of(home):
        raise Abort(f"the folder {home.path} is in use by process {owner.pid}; end that one, or give another --home")
    home.prepare()
    newsroom = _opened(home, speed)
    newsroom.start()
    try:
        kept = read_settings(home)
        settings = replace(kept, feeds=_often(kept.feeds, POLL_SECONDS / max(1.0, speed)))
        progress.say(f"the newsroom: {newsroom.base}   ({len(stock())} articles, {newsroom.seconds_left:.0f} s to go)")
        with as_file(files("flows.demo") / "watches.toml") as watches:
            plan = Plan(
                sources=(newsroom.feeds_url,),
                watches=watches,
                allow_loopback=True,
                port=port,
                settings=settings,
                beside=(_schedule(home, newsroom),),
                ends=_over(newsroom, SETTLE_POLLS * settings.feeds.shortest_interval_seconds + 1)
                if until_done
                else None,
                opened=lambda address: progress.say(f"the desk page: {address}   (Ctrl-C stops)"),
            )
            return run(home, plan, progress)
    finally:
        _note(home, newsroom)
        newsroom.stop()


def _often(settings: FeedSettings, seconds: float) -> FeedSettings:
    """The newsroom is our own: it may be asked every other second."""
    return replace(
        settings,
        first_interval_seconds=seconds,
        shortest_interval_seconds=seconds,
        longest_interval_seconds=seconds,
        loopback_shortest_seconds=seconds,
        look_again_seconds=min(settings.look_again_seconds, seconds),
    )


def _opened(home: Home, speed: float) -> Newsroom:
    """The newsroom at the point of its schedule where it was stopped, at the same address where that is free."""
    note = _read_note(home)
    opened = datetime.fromisoformat(note["opened"]) if note else now()
    paused = now() - opened - timedelta(seconds=float(note["second"]) / speed) if note else timedelta()

    def clock() -> datetime:
        return now() - paused

    try:
        return Newsroom(opened=opened, port=int(note["port"]) if note else 0, speed=speed, clock=clock)
    except OSError as error:
        raise Abort(
            f"the newsroom cannot answer at port {note.get('port')} again: {error.strerror}; "
            "end the program that has it, or give another folder with --home"
        ) from error


def _schedule(home: Home, newsroom: Newsroom) -> Service:
    async def write_down(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.to_thread(_note, home, newsroom)
            await _rest(stop, NOTE_SECONDS)

    return Service("newsroom", write_down)


def _over(newsroom: Newsroom, seconds: float) -> Callable[[], bool]:
    """Whether everything was published so many seconds ago, so that every feed has been polled since."""
    since: list[float] = []

    def over() -> bool:
        if newsroom.seconds_left <= 0 and not since:
            since.append(time.monotonic())
        return bool(since) and time.monotonic() - since[0] > seconds

    return over


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _note(home: Home, newsroom: Newsroom) -> None:
    note = {"opened": newsroom.opened.isoformat(), "second": newsroom.second(), "port": newsroom.port}
    fresh = home.path / "newsroom.json.new"
    fresh.write_text(json.dumps(note), encoding="utf-8")
    fresh.replace(home.path / "newsroom.json")


def _read_note(home: Home) -> dict[str, str]:
    try:
        note: dict[str, str] = json.loads((home.path / "newsroom.json").read_text(encoding="utf-8"))
        return note
    except (OSError, ValueError):
        return {}
