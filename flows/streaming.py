"""A folder's settings -> its stream as an operator sees it: topics, how far each stage is, records, going back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from flows.home import Home
from flows.opening import open_stream, owning, reading
from flows.route import ARROWS, READERS, TOPICS, Arrow
from flows.settings import Settings, read_settings
from flows.stream.embedded import EmbeddedStream
from flows.stream.operating import Back, Operating, Standing, Start
from flows.stream.port import Received, Stream
from ingest.archive import Archive
from ingest.clock import from_ms
from ingest.ledger import Ledger
from ingest.verdict import Abort

if TYPE_CHECKING:
    from flows.stream.kafka_topics import TopicState

CUT = 200  # characters of a text that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The stream, and what an operator may ask of it."""

    stream: Stream
    operating: Operating


@contextmanager
def looking(home: Home) -> Iterator[Opened]:
    """The stream, read-only, whoever works on it.

    Raises: Abort if there is no folder, or its brokers are away.
    """
    settings = _impatient(read_settings(home))
    with reading(home) as ledger, _opened(home, settings, ledger) as opened:
        yield opened


def _impatient(settings: Settings) -> Settings:
    return replace(settings, stream=replace(settings.stream, wait_seconds=0.0))


@contextmanager
def _opened(home: Home, settings: Settings, ledger: Ledger) -> Iterator[Opened]:
    if not settings.stream.url:
        from flows.stream.embedded_operating import EmbeddedOperating

        yield Opened(stream=EmbeddedStream(ledger), operating=EmbeddedOperating(ledger))
        return
    from flows.stream.kafka import KafkaStream
    from flows.stream.kafka_operating import KafkaOperating

    stream = open_stream(settings, ledger, Archive(home.archive))
    assert isinstance(stream, KafkaStream)
    try:
        yield Opened(stream=stream, operating=KafkaOperating(stream, ledger))
    finally:
        stream.close()


def apply(home: Home) -> "list[TopicState]":
    """Makes the topics that are missing and compares the others; empty where the stream needs none.

    Raises: Abort if the brokers are away or refuse.
    """
    settings = read_settings(home).stream
    if not settings.url:
        return []
    from flows.stream.kafka_connect import Brokers
    from flows.stream.kafka_topics import apply as applied

    brokers = Brokers(settings)
    try:
        brokers.wait()
        return applied(brokers, TOPICS)
    finally:
        brokers.close()


def lag(opened: Opened) -> Iterator[tuple[Arrow, Standing]]:
    """How far each stage is, in the order of the route."""
    for arrow in READERS:
        for standing in opened.operating.standing(arrow.stage, arrow.reads):
            yield arrow, standing


def peek(opened: Opened, topic: str, start: Start | None, limit: int, stage: str = "") -> list[Received]:
    """Records of a topic: those that `stage` has not done, those from `start` on, else the newest.

    Raises: Abort if there is no such topic, or the stage does not read it.
    """
    if topic not in TOPICS:
        raise Abort(f"there is no topic {topic!r}; there are {', '.join(TOPICS)}")
    if stage:
        arrow = reader(stage)
        if arrow.reads != topic:
            raise Abort(f"{stage} reads {arrow.reads}, not {topic}: `tocsin stream peek {arrow.reads} --stage {stage}`")
        return list(islice(opened.stream.waiting(stage, topic), limit))
    if start is None:
        return opened.operating.newest(topic, limit)
    return list(islice(opened.operating.records(topic, start), limit))


def reader(stage: str) -> Arrow:
    """The stage's row of the route.

    Raises: Abort naming the stages that read a topic, if it is none of them.
    """
    arrow = ARROWS.get(stage)
    if arrow is None or not arrow.reads:
        raise Abort(f"no stage {stage!r} reads a topic; {', '.join(one.stage for one in READERS)} do")
    return arrow


def replay(home: Home, stage: str, at: int, *, dry_run: bool) -> list[Back]:
    """Puts a stage back to the first record since `at` (ms since 1970); gives where it went in each partition.

    Raises: Abort if the stage is running, or there is no such stage.
    """
    arrow = reader(stage)
    settings = read_settings(home)
    if dry_run or settings.stream.url:
        with looking(home) as opened:
            return _went_back(opened.operating, arrow, at, dry_run=dry_run)
    with owning(home) as parts, _opened(home, settings, parts.ledger) as opened:
        return _went_back(opened.operating, arrow, at, dry_run=False)


def _went_back(operating: Operating, arrow: Arrow, at: int, *, dry_run: bool) -> list[Back]:
    places = operating.back_to(arrow.stage, arrow.reads, at)
    if places and not dry_run:
        operating.go_back(arrow.stage, arrow.reads, places)
    return places


def shown(record: Received, *, whole: bool) -> dict[str, Any]:
    """A record for people and machines: its value as an object, with long texts cut unless `whole`."""
    try:
        value: Any = json.loads(record.value)
    except ValueError:
        value = record.value.decode("utf-8", "replace")
    return {
        "topic": record.topic,
        "partition": record.partition if record.partition >= 0 else None,  # None: on its way to the brokers
        "position": record.position,
        "at": from_ms(record.at),
        "key": record.key,
        "bytes": len(record.value),
        "fault": record.fault,
        "value": value if whole else _cut(value),
    }


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= CUT else f"{value[:CUT]}… and {len(value) - CUT} characters more"
    if isinstance(value, list):
        return [_cut(one) for one in value]
    if isinstance(value, dict):
        return {name: _cut(one) for name, one in value.items()}
    return value
