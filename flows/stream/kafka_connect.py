"""The stream's settings -> clients of the brokers: what they need to connect, and one that asks and never joins."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from flows.stream.kafka_client import made
from flows.stream.kafka_trouble import SETTLING, quiet, told
from flows.stream.settings import StreamSettings
from ingest.verdict import Abort, Retry

log = logging.getLogger(f"tocsin.{__name__}")

T = TypeVar("T")
PROTOCOLS = {"plaintext": "PLAINTEXT", "tls": "SSL", "sasl-plaintext": "SASL_PLAINTEXT", "sasl-tls": "SASL_SSL"}
REQUEST_MS = 10_000
START_MS = 5_000  # one attempt to find a broker
LOOK_SECONDS = 2.0  # between attempts at start
SETTLE_SECONDS = 10.0  # for a group's coordinator to be chosen


def connection(settings: StreamSettings) -> dict[str, Any]:
    """What every client of kafka-python is given.

    Raises: Abort if a file that the settings name cannot be read.
    """
    quiet()
    given: dict[str, Any] = {
        "bootstrap_servers": [part.strip() for part in settings.url.split(",") if part.strip()],
        "client_id": "tocsin",
        "security_protocol": PROTOCOLS[settings.security],
        "bootstrap_timeout_ms": START_MS,
        "request_timeout_ms": REQUEST_MS,
        "reconnect_backoff_max_ms": 2_000,
    }
    if "tls" in settings.security:
        given |= _files(settings)
    if settings.security.startswith("sasl"):
        given |= {
            "sasl_mechanism": settings.mechanism,
            "sasl_plain_username": settings.user,
            "sasl_plain_password": settings.password,
        }
    return given


def _files(settings: StreamSettings) -> dict[str, Any]:
    named = {"ca_file": "ssl_cafile", "certificate_file": "ssl_certfile", "key_file": "ssl_keyfile"}
    given = {}
    for ours, theirs in named.items():
        path = getattr(settings, ours)
        if path is not None:
            try:
                path.open("rb").close()
            except OSError as error:
                raise Abort(f"[stream] {ours}: cannot read {path}: {error.strerror}") from error
            given[theirs] = str(path)
    return given


class Brokers:
    """Asks the brokers of one cluster. Safe to share between threads."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings, self.url = settings, settings.url
        self._connection = connection(settings)
        self._lock = threading.Lock()
        self._client: Any = None

    def wait(self) -> None:
        """Waits until a broker answers.

        Raises: Abort if none does within `wait_seconds`, or they refuse this user.
        """
        until, said = time.monotonic() + self.settings.wait_seconds, False
        while True:
            try:
                self.ask(lambda client: client.list_topics())
            except Retry as error:
                if time.monotonic() >= until:
                    raise Abort(f"{error} Waited for {self.settings.wait_seconds:g} seconds.") from error
                if not said:
                    log.warning("brokers awaited", extra={"url": self.url, "reason": str(error)})
                    said = True
                time.sleep(min(LOOK_SECONDS, max(0.0, until - time.monotonic())))
            else:
                return

    def ask(self, question: Callable[[Any], T]) -> T:
        """What `question` gets from the admin client.

        Raises: Retry if the brokers are away; Abort where waiting does not help.
        """
        until = time.monotonic() + SETTLE_SECONDS
        with told(self.url):
            while True:
                try:
                    return question(self._connected())
                except SETTLING:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.2)

    def partitions(self, topics: Iterable[str]) -> dict[str, list[int]]:
        """The partitions of those topics that there are."""
        wanted = list(topics)
        found = self.ask(lambda client: client.describe_topics(wanted))
        return {
            topic["name"]: sorted(part["partition_index"] for part in topic["partitions"])
            for topic in found
            if not topic["error_code"]
        }

    def offsets(self, partitions: Iterable[TopicPartition], at: Any) -> dict[TopicPartition, int]:
        """Where each partition begins or ends (`BEGIN`, `END`), or has its first record of a time in ms (-1: none)."""
        wanted = dict.fromkeys(partitions, at)
        if not wanted:
            return {}
        found = self.ask(lambda client: client.list_partition_offsets(wanted))
        return {partition: int(where.offset) for partition, where in found.items()}

    def committed(self, group: str) -> Mapping[TopicPartition, int]:
        """The next offset of `group` in each partition of which it has committed one."""
        found = self.ask(lambda client: client.list_group_offsets([group]))
        return {where: int(kept.offset) for where, kept in found.get(group, {}).items() if kept.offset >= 0}

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = made(KafkaAdminClient, self._connection)
            return self._client


BEGIN, END = OffsetSpec.EARLIEST, OffsetSpec.LATEST
