"""What waits before one stage -> worked on until nothing is due: a stage as a Prefect flow."""

from collections.abc import Callable
from typing import Literal

from prefect import flow
from prefect.client.schemas.objects import State

from flows.home import Home
from flows.running import drain_once
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say
from ingest.verdict import Abort

TIMEOUT_SECONDS = 4 * 3600.0

DrainedStage = Literal["extract", "enrich", "stories", "index", "watch", "deliver"]

# Whoever works on the stage's group now, such as "2 members of group enrich at broker:9092"; empty where nobody does.
# With the embedded stream the lock of the folder says so already.
LIVE_MEMBERS: Callable[[Home, str], str] = lambda _home, _stage: ""  # noqa: E731 - replaced by the stream that has groups


@flow(name="drain", flow_run_name="drain {stage}", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def drain(stage: DrainedStage, home: str = "", allow_loopback: bool = False) -> dict[str, int] | State[None]:
    """Runs one stage until it has nothing to do now. What it made waits for the next stage.

    Gives how much waited before and after, also as the artifact "drain-" and the stage. It may be stopped at any
    moment: what was not done waits for the next run. It is refused while services work on the stage.

    Args:
        stage: In the order of the route: extract reads pages, enrich finds names and topics, stories groups, index
            makes searchable, watch rings, deliver sends.
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
        allow_loopback: Lets pages and receivers on this machine be reached. For tests and the demo only.
    """

    def drained(home: Home) -> dict[str, int]:
        if live := LIVE_MEMBERS(home, stage):
            raise Abort(f"{stage} is worked on already: {live}; stop these services, or leave it to them")
        return drain_once(home, stage, allow_loopback=allow_loopback)

    try:
        counts = one_round(f"drain {stage}", drained, folder(home))
    except Stopped as stopped:
        return cancelled(stopped)
    rows = [{"stage": stage, "waited": counts["before"], "left": counts["after"]}]
    said = f"{counts['before'] - counts['after']} of {counts['before']} done."
    say([f"{stage}: {said}"])
    showing.table(f"drain-{stage}", rows, said)
    return counts
