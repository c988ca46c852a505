"""Where the index stands."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """A file in the folder, or Elasticsearch 8 or 9 where `url` names servers."""

    url: str = ""  # https://host:9200, several separated by commas; empty: index.db in the folder
    name: str = "tocsin"  # the names of aliases, indices and templates begin so
    user: str = ""
    password: str = ""
    api_key: str = ""  # instead of user and password
    ca_file: Path | None = None  # PEM, where the server's certificate is your own
    shards: int = 1  # of each index
    replicas: int = 0
    timeout_seconds: float = 30.0  # of one request
    batch_bytes: int = 5_000_000  # of one bulk request
