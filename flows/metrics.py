"""What a process does, and figures of the stores -> Prometheus metrics. The door of prometheus_client."""

import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ingest.wire import arrival

BATCH_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
ARRIVAL_SECONDS = (1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21_600.0)
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4  # that every scraper reads

disable_created_metrics()  # type: ignore[no-untyped-call]  # else a time beside every counter that nobody asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that stands in a store, with the help text and the labels of its metric."""

    name: str  # as Prometheus has it, with its unit
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)
    value: float


class Meter:
    """Counts what this process does, in a registry of its own. Safe to share between threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._records = Counter(
            "tocsin_records", "Records that a stage is done with.", ["stage", "outcome"], registry=self.registry
        )
        self._batches = Histogram(
            "tocsin_batch_seconds",
            "Time that a stage takes for one batch, from reading it to its durable effects.",
            ["stage"],
            buckets=BATCH_SECONDS,
            registry=self.registry,
        )
        self._arrivals = Histogram(
            "tocsin_arrival_to_done_seconds",
            "Time from the arrival of a live entry until a stage is done with its record.",
            ["stage"],
            buckets=ARRIVAL_SECONDS,
            registry=self.registry,
        )
        build = Gauge(
            "tocsin_build_info", "1; which Tocsin on which Python.", ["version", "python"], registry=self.registry
        )
        build.labels(version("tocsin"), platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)

    def stage(self, stage: str) -> None:
        """Begins the counts of a stage at 0, so that the first change of each can be seen."""
        for outcome in ("done", "rejected", "retried"):
            self._records.labels(stage, outcome)
        self._batches.labels(stage)

    def batch(self, stage: str, *, done: int, rejected: int, seconds: float) -> None:
        """A batch has had its durable effects."""
        self._count(stage, "done", done)
        self._count(stage, "rejected", rejected)
        self._batches.labels(stage).observe(seconds)

    def rejected(self, stage: str) -> None:
        """A record was set aside outside a batch."""
        self._count(stage, "rejected", 1)

    def retried(self, stage: str, records: int) -> None:
        """Records are given back, for the stage has to wait."""
        self._count(stage, "retried", records)

    def passed(self, stage: str, records: Iterable[bytes], at: datetime) -> None:
        """A stage is done with `records` at `at`; what is not live has no arrival that counts."""
        self.arrived(stage, (seen for record in records if (seen := arrival(record)) is not None), at)

    def arrived(self, stage: str, since: Iterable[datetime], at: datetime) -> None:
        """A stage is done at `at` with what arrived live at these times."""
        for seen in since:
            self._arrivals.labels(stage).observe(max((at - seen).total_seconds(), 0.0))

    def tally(self, name: str, help_: str, labels: Sequence[str], counts: Callable[[], Tally[tuple[str, ...]]]) -> None:
        """Shows as counters what another part counts by `labels`, read whenever somebody asks."""
        self.registry.register(_Tally(name, help_, labels, counts))

    def gauges(self, figures: Callable[[], Iterable[Figure]]) -> None:
        """Shows figures that are read whenever somebody asks; they say themselves how old they may be."""
        self.registry.register(_Figures(figures))

    def page(self) -> bytes:
        """Everything, in Prometheus' text format. It may ask stores: not to be called on the loop."""
        return generate_latest(self.registry)

    def _count(self, stage: str, outcome: str, records: int) -> None:
        if records:
            self._records.labels(stage, outcome).inc(records)


class _Tally(Collector):
    def __init__(
        self, name: str, help_: str, labels: Sequence[str], counts: Callable[[], Tally[tuple[str, ...]]]
    ) -> None:
        self._name, self._help, self._labels, self._counts = name, help_, labels, counts

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._help, labels=self._labels)
        for labels, count in sorted(self._counts().items()):
            family.add_metric(labels, count)
        yield family

    def describe(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._help, labels=self._labels)


class _Figures(Collector):
    def __init__(self, figures: Callable[[], Iterable[Figure]]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for figure in self._figures():
            names = tuple(figure.labels)
            if figure.name not in families:
                families[figure.name] = GaugeMetricFamily(figure.name, figure.help, labels=names)
            families[figure.name].add_metric(tuple(figure.labels.values()), figure.value)
        yield from families.values()

    def describe(self) -> Iterator[Metric]:
        return iter(())  # nothing is asked of a store just to be registered
