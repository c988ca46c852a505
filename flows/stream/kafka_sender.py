"""Records of this process -> the brokers, in order per key; all are acknowledged when a call returns."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer, errors

from flows.stream.kafka_client import made
from flows.stream.kafka_trouble import TOO_LARGE, verdict

log = logging.getLogger(f"tocsin.{__name__}")

BATCH_BYTES = 256 * 1024
REQUEST_BYTES = 1024 * 1024  # the brokers' default limit of one message
CHUNK_BYTES = 8 * 1024 * 1024  # sent before more is taken, so that memory stays bounded
DELIVERY_SECONDS = 30.0  # of trying again, before the caller is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One record as the client takes it."""

    key: bytes
    value: bytes
    header: bytes = b""  # a reference into the archive; empty: none


HEADER = "tocsin-archive"


class TooLarge(Exception):  # noqa: N818 - no error: the sender's caller stores the record elsewhere
    """The brokers do not take the record at `index`; those before it were sent."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class Sender:
    """An idempotent producer. Safe to share between threads."""

    def __init__(self, connection: dict[str, Any], url: str) -> None:
        self._url = url
        self._config = connection | {
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "gzip",
            "batch_size": BATCH_BYTES,
            "linger_ms": 20,  # a call flushes, so nobody waits for it
            "max_request_size": REQUEST_BYTES,
            "max_block_ms": 10_000,
            "delivery_timeout_ms": int(DELIVERY_SECONDS * 1000),
            "metrics_enabled": False,
            "allow_auto_create_topics": False,
        }
        self._lock = threading.Lock()
        self._client: Any = None

    def send(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Sends the records; some of them may have gone out where it raises.

        Raises: TooLarge; Retry or Abort as the brokers answer.
        """
        done = 0
        for chunk in _chunks(records):
            failed = self._sent(topic, chunk)
            if failed is not None:
                self._sent_alone(topic, chunk[failed:], done + failed)
            done += len(chunk)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _sent(self, topic: str, records: Sequence[Outgoing]) -> int | None:
        """Sends them together; gives the index of the first that was in too large a batch, None where all are sent."""
        outcomes = self._outcomes(topic, records)
        failed = [(index, outcome) for index, outcome in enumerate(outcomes) if outcome is not None]
        if failed:
            with self._lock:
                self._drop()  # what it knows of the brokers, or of a batch that it has split, may be what is wrong
        for _, outcome in failed:
            if not isinstance(outcome, TOO_LARGE):
                raise verdict(outcome, self._url) from outcome
        return failed[0][0] if failed else None

    def _sent_alone(self, topic: str, records: Sequence[Outgoing], before: int) -> None:
        # From the first refused one on all go again, or a later record of a key would overtake an earlier one.
        for index, record in enumerate(records):
            if self._sent(topic, [record]) is not None:
                raise TooLarge(before + index)

    def _outcomes(self, topic: str, records: Sequence[Outgoing]) -> list[Exception | None]:
        futures: list[Any] = []
        refused: list[Exception | None] = []
        try:
            client = self._connected()
            for record in records:
                headers = [(HEADER, record.header)] if record.header else []
                future = client.send(topic, record.value, record.key, headers)
                futures.append(future)
        except TOO_LARGE as error:
            refused = [error]
        except (errors.KafkaError, OSError) as error:
            return [error]
        until = time.monotonic() + DELIVERY_SECONDS + 5
        with contextlib.suppress(errors.KafkaError):  # it fails over batches that were split; the futures tell
            client.flush(DELIVERY_SECONDS + 5)
        return [_outcome(future, until) for future in futures] + refused

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = made(KafkaProducer, self._config)
            return self._client

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(errors.KafkaError):
                client.close(timeout=1)


def _outcome(future: Any, until: float) -> Exception | None:
    try:
        future.get(timeout=max(0.0, until - time.monotonic()))
    except (errors.KafkaError, OSError) as error:
        return error
    return None


def _chunks(records: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    begin = size = 0
    for index, record in enumerate(records):
        if size and size + len(record.value) > CHUNK_BYTES:
            yield records[begin:index]
            begin, size = index, 0
        size += len(record.value)
    if begin < len(records):
        yield records[begin:]
