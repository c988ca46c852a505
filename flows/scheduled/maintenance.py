"""Retention, the health of feeds, the doctor and the flows themselves -> looked after: as a Prefect flow."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.home import Home
from flows.maintaining import MaintainAsked, Maintained, maintain_once, sentences
from flows.scheduled import showing
from flows.scheduled.late import flows_in_trouble
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say
from flows.settings import read_settings
from ingest.clock import now

TIMEOUT_SECONDS = 3600.0


@flow(name="maintenance", flow_run_name="maintenance", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def maintenance(sweep: bool = True, home: str = "") -> dict[str, int] | State[None]:
    """Removes what is old, checks feeds, stores and flows, and tells the operator what is new since the last time.

    `[operate] channels` in tocsin.toml names who is told: once when a feed falls silent, a check fails or a flow is
    late or fails, and once when it is over. Gives how many troubles are new, stand and are over. Artifacts:
    "maintenance" with the checks, "maintenance-troubles", "maintenance-feeds", and "lag", a chart of what waits
    before each stage.

    Args:
        sweep: Remove what is older than the settings [retention] say.
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
    """

    def maintained(home: Home) -> Maintained:
        seen = flows_in_trouble(now(), read_settings(home).operate.late_minutes)
        return maintain_once(home, MaintainAsked(sweep=sweep, seen=seen))

    place = folder(home)
    try:
        done = one_round("maintain", maintained, place)
    except Stopped as stopped:
        return cancelled(stopped)
    say(list(sentences(done)))
    _show(done)
    showing.link("desk", read_settings(place).deliver.desk_url, "The desk page")
    return {"new": len(done.told.new), "standing": len(done.told.standing), "over": len(done.told.over)}


def _show(done: Maintained) -> None:
    checks = [{"check": one.name, "fine": "yes" if one.fine else "NO", "found": one.said} for one in done.checks]
    removed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in done.swept.items() if count)
    wrong = sum(not one.fine for one in done.checks)
    showing.table("maintenance", checks, f"{wrong} of {len(checks)} checks are wrong. Removed: {removed or 'nothing'}.")
    troubles = [
        *({"trouble": one.said, "since": "new, told now" if done.channels else "new"} for one in done.told.new),
        *({"trouble": one.said, "since": "told before"} for one in done.told.standing),
        *({"trouble": said, "since": "over"} for said in done.told.over),
    ]
    told = "; ".join(f"{channel}: {fate}" for channel, fate in done.channels.items())
    showing.table("maintenance-troubles", troubles, f"Told: {told or 'nobody'}.")
    feeds = [
        {"feed": feed.title, "failures": feed.failures, "silent": "yes" if feed.silent else "", "last": feed.sentence}
        for feed in done.feeds
    ]
    showing.table("maintenance-feeds", feeds, f"{len(feeds)} of {done.read} feeds are in trouble.")
    showing.lag(done.left)
