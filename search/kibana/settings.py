"""Where Kibana stands."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SPACE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class KibanaSettings:
    """Kibana 8.19 or 9, for `tocsin kibana`; nothing else in Tocsin needs it."""

    url: str = ""  # https://host:5601, with its base path where it has one
    space: str = DEFAULT_SPACE  # one for each Tocsin; it must be there
    user: str = ""
    password: str = ""
    api_key: str = ""  # instead of user and password: the encoded form
    ca_file: Path | None = None  # PEM, where the server's certificate is your own
    timeout_seconds: float = 60.0  # of one request

    def __post_init__(self) -> None:
        part = urlsplit(self.url)
        if self.url and (part.scheme not in ("http", "https") or not part.hostname or part.query or part.fragment):
            raise ValueError("url: write https://host:5601, with its base path where it has one")
        if part.username or part.password:
            raise ValueError("url: leave out user and password; they have settings of their own")
        if self.url and re.search("/s/[^/]+/*$", part.path):
            raise ValueError("url: leave out /s/...; [kibana] space names the space")
        if not re.fullmatch("[a-z0-9_-]+", self.space):
            raise ValueError(f"space {self.space!r}: the identifier in its address: small letters, digits, - and _")
        if self.api_key and (self.user or self.password):
            raise ValueError("api_key stands instead of user and password: leave out one or the other")
