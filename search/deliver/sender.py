"""What every kind of channel can do, and the channels of the settings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ingest.clock import Clock, now
from ingest.fetch.response import Response
from search.deliver.message import Message
from search.deliver.settings import ChannelSettings, DeliverySettings

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


def senders(
    channels: Sequence[ChannelSettings],
    poster: Poster,
    allowed: Allowed,
    *,
    settings: DeliverySettings | None = None,
    clock: Clock = now,
) -> dict[str, Sender]:
    """The channels by name. `allowed` judges the hosts of those that do not go through `poster`.

    Raises: ValueError if two have one name.
    """
    from search.deliver.apprise import Apprise
    from search.deliver.mail import Mail
    from search.deliver.webhook import Webhook

    made: dict[str, Sender] = {}
    for channel in channels:
        if channel.name in made:
            raise ValueError(f"two channels are called {channel.name}: give one another name")
        if channel.kind == "webhook":
            made[channel.name] = Webhook(channel, poster, clock)
        elif channel.kind == "email":
            made[channel.name] = Mail(channel, allowed)
        else:
            made[channel.name] = Apprise(channel, allowed, (settings or DeliverySettings()).apprise_schemes)
    return made
