"""What the folder holds -> the index made anew: as a Prefect flow."""

from collections.abc import Callable

from prefect import flow
from prefect.client.schemas.objects import State

from flows.doctoring import rebuild
from flows.home import Home
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say

TIMEOUT_SECONDS = 24 * 3600.0

REINDEX: Callable[[Home], int] = rebuild  # gives how many articles the new index has


@flow(name="reindex", flow_run_name="reindex", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def reindex(home: str = "") -> dict[str, int] | State[None]:
    """Makes the index anew beside the old one, which people search until the new one is whole.

    Cancelled, it leaves the old one as it was. Gives how many articles the new one has, also as the artifact
    "reindex".

    Args:
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
    """
    try:
        articles = one_round("reindex", REINDEX, folder(home))
    except Stopped as stopped:
        return cancelled(stopped)
    said = f"{articles} articles indexed anew."
    say([said])
    showing.table("reindex", [{"articles": articles}], said)
    return {"articles": articles}
