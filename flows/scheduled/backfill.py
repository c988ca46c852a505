"""The archive, WARC files or addresses -> the route, silently unless asked: as a Prefect flow."""

from datetime import datetime
from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows.backfilling import BackfillAsked, Backfilled, backfill_once, sentences
from flows.home import Home
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say

TIMEOUT_SECONDS = 24 * 3600.0


@flow(name="backfill", flow_run_name="backfill {source}", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def backfill(
    source: Literal["archive", "files", "addresses"],
    files: list[str] | None = None,
    addresses: list[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    ring: bool = False,
    home: str = "",
    allow_loopback: bool = False,
) -> dict[str, int] | State[None]:
    """Brings in pages that no feed shows any more. Nobody is rung unless it is asked for.

    Pages that are known stay as they are, so it may be cancelled and run again: it goes on. Gives how many came out
    how. Artifacts: "backfill" with what came of each source, "backfill-problems" with what could not be used.

    Args:
        source: archive reads the folder's own archive, files reads WARC files, addresses has pages fetched by
            `drain extract`; run again with the same addresses, it says what became of each.
        files: WARC files on the worker's machine; for addresses, files with one address a line.
        addresses: Addresses of pages, for the source addresses.
        since: Only what was captured at this time or later.
        until: Only what was captured before this time.
        ring: As if it were news: watches that match ring people.
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
        allow_loopback: Lets pages on this machine be fetched. For tests and the demo only.
    """
    asked = BackfillAsked(
        source=source,
        files=tuple(files or ()),
        addresses=tuple(addresses or ()),
        since=since,
        until=until,
        ring=ring,
    )

    def brought(home: Home) -> Backfilled:
        return backfill_once(home, asked, allow_loopback=allow_loopback)

    try:
        done = one_round(f"backfill {source}", brought, folder(home))
    except Stopped as stopped:
        return cancelled(stopped)
    say(list(sentences(done)))
    _show(done)
    return dict(done.outcomes)


def _show(done: Backfilled) -> None:
    rows = [
        {"source": one.source, "outcome": outcome, "pages": count, "problem": one.problem}
        for one in done.sources
        for outcome, count in sorted((one.outcomes or {"nothing": 0}).items())
    ]
    showing.table("backfill", rows, f"{sum(done.outcomes.values())} pages or addresses were looked at.")
    problems = [{"address": fate.url, "outcome": fate.outcome, "why": fate.detail} for fate in done.fates]
    if problems:
        more = f" {done.left_out} more are not shown." if done.left_out else ""
        showing.table("backfill-problems", problems, f"What came of each address, or could not be used.{more}")
