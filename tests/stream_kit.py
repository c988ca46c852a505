"""Streams for tests: topics of their own on a real broker, and both kinds of stream behind one face."""

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flows.stream import Stream
from flows.stream.settings import StreamSettings

TOPICS = ("entries", "articles", "enriched", "told")


@contextlib.contextmanager
def own_topics(url, topics=TOPICS, **settings):
    """The settings of a stream with topics of its own, which are deleted after."""
    from flows.stream.kafka_connect import Brokers
    from flows.stream.kafka_topics import apply

    chosen = replace(
        StreamSettings(url=url, prefix=f"test-{secrets.token_hex(5)}.", partitions=3, wait_seconds=5), **settings
    )
    brokers = Brokers(chosen)
    brokers.wait()
    apply(brokers, topics)
    try:
        yield chosen
    finally:
        names = [chosen.prefix + topic for topic in topics]
        brokers.ask(lambda client: client.delete_topics([name for name in names if name in brokers.partitions(names)]))
        brokers.close()


@dataclass
class Kind:
    """One adapter over one store, and how another process would open the same."""

    name: str
    opened: Callable[[], Stream]


def read(stream: Stream, group: str, topic: str, count: int, limit: int = 500, seconds: float = 30.0) -> list[Any]:
    """Reads until `count` records came: a group takes a moment to form, records a moment to arrive."""
    found, until = [], time.monotonic() + seconds
    while len(found) < count:
        found += stream.read(group, topic, min(limit, count - len(found)))
        assert time.monotonic() < until, f"{len(found)} of {count} records came"
    return found


def texts(records) -> list[bytes]:
    return [record.value for record in records]


def eventually(what: Callable[[], Any], seconds: float = 30.0, every: float = 0.05) -> Any:
    """What `what` gives, once it is true; asked `every` so many seconds."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(every)
    return found
