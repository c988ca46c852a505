"""Stand-in: real servers for tests, from the addresses in the environment."""

# replaced at merge
import os
from dataclasses import dataclass

import pytest

NAMES = {"kafka": "TOCSIN_KAFKA", "postgresql": "TOCSIN_POSTGRESQL"}


@dataclass(frozen=True)
class Server:
    url: str


def server(kind):
    found = os.environ.get(NAMES[kind])
    if not found:
        pytest.skip(f"{NAMES[kind]} is not set")
    return Server(found)
