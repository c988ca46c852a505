"""Where the index stands."""

import re
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
    # Language analyzers for `title` and `text` in Kibana, where the server has them; each makes the index larger.
    analyzers: tuple[str, ...] = ("english", "french", "german", "indonesian", "russian")

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9][a-z0-9_-]*", self.name):
            raise ValueError(f"name {self.name!r}: small letters, digits, - and _, beginning with a letter or digit")
        if self.api_key and (self.user or self.password):
            raise ValueError("api_key stands instead of user and password: leave out one or the other")
        if self.shards < 1 or self.replicas < 0 or self.batch_bytes < 1:
            raise ValueError("shards and batch_bytes are 1 or more, replicas 0 or more")
