"""The running route -> what its monitors may know of it: counts, figures, and whether its stores answer."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator

from flows.assembly import Assembly
from flows.figures import figures
from flows.health import Health, Store
from flows.health_settings import HealthSettings
from flows.monitoring import HealthServer
from flows.route import ARROWS, READERS
from flows.supervise import Service
from search.query.tree import Term

NOWHERE = Term("id", "-")  # finds nothing, and asks the index all the same


def health_of(assembly: Assembly, stages: Collection[str]) -> Health:
    """What the process tells that runs `stages`."""
    _tally(assembly)
    return Health(assembly.meter, list(_stores(assembly, stages)), lambda: figures(assembly.parts))


def monitored(health: Health, settings: HealthSettings) -> Iterator[Service]:
    """What has to run so that monitors are answered.

    Raises: Abort if the port is taken.
    """
    yield health.service
    if settings.port:
        yield HealthServer(health, settings).service


def _tally(assembly: Assembly) -> None:
    counts, meter = assembly.counts, assembly.meter
    meter.tally("tocsin_polls", "Polls of feeds by how they came out.", ["outcome"], _by_one(counts.polls))
    meter.tally("tocsin_pages", "Fetches of pages by how they ended.", ["outcome"], _by_one(counts.pages))
    meter.tally("tocsin_alert_events", "Alert events that were written.", ["kind"], lambda: counts.alerts)
    sends = "Attempts to deliver: sent, to be tried again later, or failed for good."
    meter.tally("tocsin_deliveries", sends, ["channel", "outcome"], lambda: assembly.deliverer.counts)


def _by_one(counts: Counter[str]) -> Callable[[], Counter[tuple[str, ...]]]:
    return lambda: Counter({(str(name),): count for name, count in list(counts.items())})


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
