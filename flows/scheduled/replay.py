"""Articles of a time range, enriched again -> which alerts would differ: as a Prefect flow."""

from datetime import datetime
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State

from flows.home import Home
from flows.replaying import ReplayAsked, Replayed, replay_once, sentences
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say
from ingest.clock import now
from search.deliver.digest_words import link

TIMEOUT_SECONDS = 24 * 3600.0


@flow(name="replay", flow_run_name="replay since {since}", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def replay(
    since: datetime,
    until: datetime | None = None,
    packs: str = "",
    watch: str = "",
    apply: bool = False,
    limit: int = 200,
    home: str = "",
) -> dict[str, int] | State[None]:
    """Enriches articles again and shows which alerts would differ. It rings nothing.

    Without `apply` nothing is written. Gives how many alerts are the same, gained, lost and changed. Artifacts:
    "replay-watches" with these counts by watch, "replay" with each alert that differs and a link to it.

    Args:
        since: Articles that arrived at this time or later.
        until: Articles that arrived before this time. Empty: now.
        packs: A folder of topic packs on the worker's machine, to try them. Empty: those that are installed.
        watch: Only this watch, by its id. Empty: all that are switched on.
        apply: Have the new tags take the place of the old, in the index and in stories. Only with installed packs.
        limit: At most so many differences are shown; the others are counted.
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
    """
    asked = ReplayAsked(
        since=since,
        until=until or now(),
        packs=Path(packs) if packs else None,
        watch=watch,
        apply=apply,
        limit=limit,
    )

    def replayed(home: Home) -> Replayed:
        return replay_once(home, asked)

    try:
        done = one_round("replay", replayed, folder(home), alone=apply)
    except Stopped as stopped:
        return cancelled(stopped)
    said = list(sentences(done))
    say(said[: 2 + len(done.watches)])
    _show(done, said[0])
    return {
        change: sum(getattr(row, change) for row in done.watches) for change in ("same", "gained", "lost", "changed")
    }


def _show(done: Replayed, said: str) -> None:
    rows = [
        {"watch": row.watch, "same": row.same, "gained": row.gained, "lost": row.lost, "changed": row.changed}
        for row in done.watches
    ]
    written = f"{done.applied} were put on the route with new tags." if done.applied else "Nothing was written."
    showing.table("replay-watches", rows, f"{said}. {written}")
    differences = [
        {
            "watch": one.watch,
            "change": one.change,
            "article": one.title,
            "before": ", ".join(one.before),
            "after": ", ".join(one.after),
            "alert": link(done.desk_url, one.alert) if one.alert else "",
            "stands": one.state,
        }
        for one in done.differences
    ]
    more = f" {done.left_out} more are not shown." if done.left_out else ""
    showing.table("replay", differences, f"Alerts that would differ.{more}")
