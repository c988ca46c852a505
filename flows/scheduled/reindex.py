"""What the folder holds -> the index made anew: as a Prefect flow."""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.reindexing import reindex as reindexed
from flows.reindexing import sentences
from flows.scheduled import showing
from flows.scheduled.rounds import Stopped, cancelled, folder, one_round, say

TIMEOUT_SECONDS = 24 * 3600.0


@flow(name="reindex", flow_run_name="reindex", timeout_seconds=TIMEOUT_SECONDS, persist_result=False)
def reindex(home: str = "") -> dict[str, int] | State[None]:
    """Makes the index anew beside the old one, which people search until the new one is whole.

    Articles that neither the old one nor the stream holds are read out of the archive again. Cancelled, it leaves the
    old one as it was. Gives how many articles were indexed anew, how many came from the archive and how many are lost,
    also as the artifact "reindex".

    Args:
        home: The folder of this Tocsin. Empty: TOCSIN_HOME of the worker, else its data folder.
    """
    try:
        done = one_round("reindex", reindexed, folder(home))
    except Stopped as stopped:
        return cancelled(stopped)
    counts = {"articles": done.articles, "from the archive": done.recovered.articles, "lost": len(done.lost)}
    say(list(sentences(done)))
    showing.table("reindex", [counts], f"{', '.join(f'{count} {name}' for name, count in counts.items())}.")
    return counts
