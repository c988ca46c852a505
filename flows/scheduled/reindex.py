"""What the folder holds -> the index made anew: as a Prefect flow."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.reindexing import reindex as reindexed
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say

TIMEOUT_SECONDS = 24 * 3600.0


@flow(name="reindex", flow_run_name="reindex", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def reindex(home: str = "") -> dict[str, int] | State[None]:
    """Makes the index anew beside the old one, which people search until the new one is whole.

    Cancelled, it leaves the old one as it was. Gives how many articles the new one has and how many the index server
    refused, also as the artifact "reindex".

    Args:
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
    """
    try:
        articles, refused = one_round("reindex", reindexed, folder(home))
    except Stopped as stopped:
        return cancelled(stopped)
    said = f"{articles} articles indexed anew, {len(refused)} refused."
    say([said, *(f"{name}: {reason}" for name, reason in refused.items())])
    showing.table("reindex", [{"articles": articles, "refused": len(refused)}], said)
    return {"articles": articles, "refused": len(refused)}
