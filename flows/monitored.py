"""The running route -> what its monitors may know of it: counts, figures, and whether its stores answer."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

from flows.assembly import Assembly
from flows.figures import figures
from flows.health import Health, Store
from flows.health_settings import HealthSettings
from flows.monitoring import HealthServer
from flows.route import ARROWS, READERS
from flows.supervise import Service
from ingest.feeds.outcome import Outcome
from search.query.tree import Term

NOWHERE = Term("id", "-")  # finds nothing, and asks the index all the same


def health_of(assembly: Assembly, stages: Collection[str]) -> Health:
    """What the process tells that runs `stages`."""
    _tally(assembly, stages)
    return Health(assembly.meter, list(_stores(assembly, stages)), lambda: figures(assembly.parts))


def monitored(health: Health, settings: HealthSettings) -> Iterator[Service]:
    """What has to run so that monitors are answered.

    Raises: Abort if the port is taken.
    """
    yield health.service
    if settings.port:
        yield HealthServer(health, settings).service


def _tally(assembly: Assembly, stages: Collection[str]) -> None:
    """Shows the counts that the parts keep; what the process may count begins at 0, so that a first time is seen."""
    counts, meter = assembly.counts, assembly.meter
    if "collect" in stages:
        outcomes = [(str(outcome),) for outcome in Outcome]
        meter.tally("tocsin_polls", "Polls of feeds by how they came out.", ["outcome"], _of(counts.polls, outcomes))
    if "extract" in stages:
        meter.tally("tocsin_pages", "Fetches of pages by how they ended.", ["outcome"], _of(counts.pages, [("done",)]))
    if "watch" in stages:
        said = "Alert events that were written."
        meter.tally("tocsin_alert_events", said, ["kind"], _of(counts.alerts, [("rang",), ("escalated",)]))
    if "deliver" in stages:
        said = "Attempts to deliver: sent, to be tried again later, or failed for good."
        known = [(one.name, how) for one in assembly.parts.settings.channels for how in ("sent", "later", "failed")]
        meter.tally("tocsin_deliveries", said, ["channel", "outcome"], _of(assembly.deliverer.counts, known))


def _of(counts: Counter[Any], known: Collection[tuple[str, ...]]) -> Callable[[], Counter[tuple[str, ...]]]:
    """`counts` as they are when somebody asks, by their labels."""

    def read() -> Counter[tuple[str, ...]]:
        found = {(name if isinstance(name, tuple) else (str(name),)): count for name, count in list(counts.items())}
        return Counter(dict.fromkeys(known, 0) | found)

    return read


def _stores(assembly: Assembly, stages: Collection[str]) -> Iterator[Store]:
    """The stores of the route. Only the index stage needs the index: alerts go on while it is away."""
    parts, first = assembly.parts, READERS[0]

    def ledger() -> None:
        with parts.ledger.read() as connection:
            connection.exec_driver_sql("SELECT 1")

    yield Store(name="ledger", ask=ledger)
    reads = any(ARROWS[stage].reads for stage in stages)
    yield Store(name="stream", ask=lambda: parts.stream.lag(first.stage, first.reads), needed=reads)
    yield Store(name="index", ask=lambda: parts.index.search(NOWHERE, limit=1), needed=set(stages) == {"index"})
