"""What is due -> polled once: the collect stage as a Prefect flow."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.home import Home
from flows.running import collect_once
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say

TIMEOUT_SECONDS = 1800.0


@flow(name="collect", flow_run_name="collect", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def collect(home: str = "", allow_loopback: bool = False) -> dict[str, int] | State[None]:
    """Polls the feeds that are due, once. What they showed waits in the folder for `drain`.

    Gives how many polls came out how, also as the artifact "collect".

    Args:
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
        allow_loopback: Lets feeds on this machine be fetched. For tests and the demo only.
    """

    def polls(home: Home) -> dict[str, int]:
        return {str(outcome): count for outcome, count in collect_once(home, allow_loopback=allow_loopback).items()}

    try:
        counts = one_round("poll", polls, folder(home))
    except Stopped as stopped:
        return cancelled(stopped)
    rows = [{"outcome": outcome, "feeds": count} for outcome, count in sorted(counts.items())]
    said = f"{sum(counts.values())} feeds were due and polled."
    say([said])
    showing.table("collect", rows, said)
    return counts
