"""Where the stream stands, and how its topics are made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Tables of the ledger, or Kafka where `url` names brokers."""

    url: str = ""  # host:9092,host:9092; empty: the ledger's own file
    prefix: str = "tocsin."  # of the names of topics and groups
    security: Literal["plaintext", "tls", "sasl-plaintext", "sasl-tls"] = "plaintext"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"  # where security has sasl
    user: str = ""
    password: str = ""
    ca_file: Path | None = None  # PEM
    certificate_file: Path | None = None  # PEM, of this client
    key_file: Path | None = None
    partitions: int = 6  # of each topic: the most workers that one stage can have
    replication: int = 1  # brokers that keep each record
    retention_hours: int = 168
    record_bytes: int = 900_000  # a larger record stands in the archive, and the stream carries where
    wait_seconds: float = 300.0  # how long brokers that are away are waited for before a process gives up
