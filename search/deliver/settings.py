"""What an operator may set about channels and deliveries."""

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

Kind = Literal["webhook", "email", "apprise"]
PAGE = "page"  # the desk page is always a channel
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that Standard Webhooks gives every secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """One way to a desk, named in watches."""

    name: str
    kind: Kind
    url: str = ""  # webhook: where it posts to; apprise: the address in apprise's own form
    host: str = ""  # email: the mail server
    port: int = 587
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    secret: str = ""  # webhook: "whsec_..." to sign with; email: the password
    sender: str = ""
    to: tuple[str, ...] = ()
    timeout_seconds: float = 20.0

    def __post_init__(self) -> None:
        if not self.name or self.name == PAGE:
            raise ValueError(f'a channel needs a name of its own, not {self.name!r}; "{PAGE}" is the desk page')
        for field, wanted in NEEDED[self.kind].items():
            if not getattr(self, field):
                raise ValueError(f'channel {self.name}: kind "{self.kind}" needs {field}: {wanted}')
        if self.kind == "webhook":
            secret_bytes(self.secret, self.name)


NEEDED: dict[Kind, dict[str, str]] = {
    "webhook": {"url": "where to post", "secret": '"whsec_" and 24 to 64 random bytes in base64'},
    "email": {"host": "the mail server", "sender": "an address", "to": "a list of addresses"},
    "apprise": {"url": 'an address as apprise writes it, such as "json://host/path"'},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """How often and how long a delivery is tried."""

    desk_url: str = "http://127.0.0.1:8740"  # every delivery links to its alert there
    attempts: int = 12  # then it has failed, and people see it
    first_pause_seconds: float = 30.0  # doubles with every attempt
    longest_pause_seconds: float = 3600.0
    look_seconds: float = 0.5
    claim_seconds: float = 120.0  # of several processes, how long one has what it sends; more than any channel takes
    apprise_schemes: tuple[str, ...] = ()  # services whose address is fixed, such as "tgram": opened by naming them
    monitor_url: str = ""  # asked by POST while all is well; an outside monitor calls someone when it stays away
    heartbeat_seconds: float = 60.0


def secret_bytes(secret: str, channel: str) -> bytes:
    """The key in a Standard Webhooks secret.

    Raises: ValueError saying what to write.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(f'channel {channel}: secret is "{SECRET_PREFIX}" and 24 to 64 random bytes in base64')
    return key
