"""The channels of the settings -> a sender for each."""

from collections.abc import Sequence

from ingest.clock import Clock, now
from search.deliver.apprise import Apprise
from search.deliver.mail import Mail
from search.deliver.sender import Allowed, Poster, Sender
from search.deliver.settings import ChannelSettings, DeliverySettings
from search.deliver.webhook import Webhook


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
