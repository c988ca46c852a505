"""The stream's settings -> topics at the brokers: made where they are missing, compared where they are there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType

from flows.stream.kafka_connect import Brokers
from flows.stream.settings import StreamSettings

HOUR_MS = 3600 * 1000
ROOM_BYTES = 4096  # of a message beside its record


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """One topic after `apply`."""

    name: str
    made: bool
    differences: tuple[str, ...]  # from the settings, each with what to do


def apply(brokers: Brokers, topics: Iterable[str]) -> list[TopicState]:
    """Makes the topics that are missing. What is there is compared and left as it is: people decide.

    Raises: Retry if the brokers are away, Abort if they refuse.
    """
    settings = brokers.settings
    names = [settings.prefix + topic for topic in topics]
    there = brokers.partitions(names)
    missing = [name for name in names if name not in there]
    if missing:
        wanted = {
            "num_partitions": settings.partitions,
            "replication_factor": settings.replication,
            "configs": _configs(settings),
        }
        brokers.ask(lambda client: client.create_topics(dict.fromkeys(missing, wanted), wait_for_metadata=True))
    return [
        TopicState(
            name=name,
            made=name in missing,
            differences=() if name in missing else tuple(_differences(brokers, name)),
        )
        for name in names
    ]


def compared(brokers: Brokers, topics: Iterable[str]) -> list[TopicState]:
    """The topics as they are, nothing made.

    Raises: Retry if the brokers are away, Abort if they refuse.
    """
    names = [brokers.settings.prefix + topic for topic in topics]
    there = brokers.partitions(names)
    return [
        TopicState(
            name=name,
            made=False,
            differences=tuple(_differences(brokers, name))
            if name in there
            else ("missing: run `tocsin stream apply`",),
        )
        for name in names
    ]


def _configs(settings: StreamSettings) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(settings.retention_hours * HOUR_MS)}


def _differences(brokers: Brokers, name: str) -> Iterator[str]:
    settings = brokers.settings
    (topic,) = brokers.ask(lambda client: client.describe_topics([name]))
    partitions, copies = len(topic["partitions"]), min(len(part["replica_nodes"]) for part in topic["partitions"])
    if partitions < settings.partitions:
        yield (
            f"{partitions} partitions, the settings say {settings.partitions}: add them once all stages have passed "
            "what waits, for records of a key then move to another partition"
        )
    if partitions > settings.partitions:
        yield (
            f"{partitions} partitions, the settings say {settings.partitions}: Kafka cannot take any away; set "
            f"partitions = {partitions} in [stream]"
        )
    if copies != settings.replication:
        yield (
            f"each record is kept by {copies} brokers, the settings say {settings.replication}: move the partitions "
            f"with kafka-reassign-partitions, or set replication = {copies} in [stream]"
        )
    found = _described(brokers, name)
    for key, wanted in _configs(settings).items():
        if found.get(key) != wanted:
            yield (
                f"{key} is {found.get(key)}, the settings say {wanted}: change it with kafka-configs --alter "
                f"--topic {name} --add-config {key}={wanted}, or change [stream]"
            )
    taken = int(found.get("max.message.bytes") or 0)
    if taken < settings.record_bytes + ROOM_BYTES:
        yield (
            f"max.message.bytes is {taken}, the settings send records of up to {settings.record_bytes} bytes: raise "
            f"it, or set record_bytes = {max(taken - ROOM_BYTES, 1000)} in [stream]"
        )


def _described(brokers: Brokers, name: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, name, [*_configs(brokers.settings), "max.message.bytes"])
    found: dict[str, Any] = brokers.ask(lambda client: client.describe_configs([resource], config_filter="all"))
    return {key: str(entry["value"]) for key, entry in found["topic"][name].items()}
