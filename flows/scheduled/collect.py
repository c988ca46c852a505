"""What is due -> polled once: the collect stage as a Prefect flow."""

from prefect import flow

from flows.home import Home
from flows.running import collect_once
from flows.scheduled.rounds import folder, one_round, show

TIMEOUT_SECONDS = 1800.0


@flow(name="collect", flow_run_name="collect", timeout_seconds=TIMEOUT_SECONDS)
def collect(home: str = "", allow_loopback: bool = False) -> dict[str, int]:
    """Polls the feeds that are due, once. What they showed waits in the folder for `drain`.

    Gives how many polls came out how, also as the artifact "collect".

    Args:
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
        allow_loopback: Lets feeds on this machine be fetched. For tests and the demo only.
    """

    def polls(home: Home) -> dict[str, int]:
        return collect_once(home, allow_loopback=allow_loopback)

    counts = one_round("poll", polls, folder(home))
    rows: list[dict[str, object]] = [{"outcome": outcome, "feeds": count} for outcome, count in sorted(counts.items())]
    show("collect", rows, f"{sum(counts.values())} feeds were due and polled.")
    return counts
