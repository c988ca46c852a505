"""The servers behind a folder -> whether each is the one that Tocsin needs, as it needs it."""

from collections.abc import Iterator
from dataclasses import dataclass

from flows.route import TOPICS
from flows.settings import Settings
from flows.stream import Stream
from ingest.clock import from_ms, now
from ingest.ledger import Ledger
from ingest.ledger.leases import standing
from ingest.verdict import Abort, Retry

SKEW_SECONDS = 2.0  # between two clocks, before it is told: leases last some seconds
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    fine: bool
    said: str  # what was found, and what to do where it is not fine


def examine_servers(settings: Settings, ledger: Ledger, stream: Stream) -> Iterator[Check]:
    """Every check of servers; none where all stands in the folder."""
    if settings.ledger.url:
        yield _clock(ledger)
        yield _leases(ledger)
    if not stream.in_ledger:
        yield _topics(stream)
    if settings.index.url:
        yield _elasticsearch(settings)


def _clock(ledger: Ledger) -> Check:
    ahead = ledger.skew_seconds()
    fine = abs(ahead) <= SKEW_SECONDS
    said = f"the ledger's server is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine"
    return Check(name="clock", fine=fine, said=said if fine else f"{said}: set both by NTP")


def _leases(ledger: Ledger) -> Check:
    with ledger.read() as connection:
        held = {name: holder for name, (holder, until) in standing(connection).items() if from_ms(until) > now()}
    said = ", ".join(f"{name} by {holder.rpartition(':')[0] or holder}" for name, holder in held.items())
    return Check(name="leases", fine=True, said=said or "none is held: no process is at work")


def _topics(stream: Stream) -> Check:
    from flows.stream.kafka import KafkaStream
    from flows.stream.kafka_topics import compared

    assert isinstance(stream, KafkaStream)  # the one that does not stand in the ledger
    found = compared(stream.brokers, TOPICS)
    wrong = [f"{topic.name}: {why}" for topic in found for why in topic.differences]
    if wrong:
        return Check(name="stream", fine=False, said="; ".join(wrong[:SHOWN]))
    return Check(name="stream", fine=True, said=f"{len(found)} topics at {stream.settings.url}, as the settings say")


def _elasticsearch(settings: Settings) -> Check:
    from search.index.elastic.surveying import survey

    try:
        found = survey(settings.index)
    except (Abort, Retry) as verdict:
        return Check(name="search server", fine=False, said=str(verdict))
    version = f"Elasticsearch {', '.join(found.versions)}"
    if found.different:
        return Check(name="search server", fine=False, said=f"{version}: {'; '.join(found.different[:SHOWN])}")
    return Check(name="search server", fine=True, said="; ".join((version, *found.without)))
