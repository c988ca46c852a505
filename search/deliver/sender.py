"""What every kind of channel can do, and what it needs for that."""

from collections.abc import Callable, Mapping
from typing import Protocol

from ingest.fetch.response import Response
from search.deliver.message import Message

Allowed = Callable[[str, int], bool]  # whether the operator opened this host and port


class Sender(Protocol):
    """One channel. The same message may come again, with the same id."""

    async def send(self, message: Message) -> str:
        """What came of it, in a few words for people.

        Raises: Retry if it may work later, Reject if it never will.
        """


class Poster(Protocol):
    """The guarded fetcher, as far as channels need it."""

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str] | None = None) -> Response: ...
