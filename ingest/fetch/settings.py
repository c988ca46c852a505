"""What an operator may set about fetching."""

import ipaddress
from dataclasses import dataclass
from typing import Literal

from ingest.fetch.addresses import Address

Kind = Literal["feed", "page", "robots", "list"]
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Limits, timeouts and manners of every request that Tocsin makes."""

    contact: str = ""  # an address or page of the operator, told to every server
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 10.0  # longest gap between two pieces of a body
    feed_timeout_seconds: float = 30.0  # from the first connection to the last byte, redirects included
    page_timeout_seconds: float = 40.0
    post_timeout_seconds: float = 20.0
    feed_limit_bytes: int = 10 * MIB  # decoded, and on the wire
    page_limit_bytes: int = 8 * MIB
    robots_limit_bytes: int = MIB // 2
    list_limit_bytes: int = 10 * MIB
    max_redirects: int = 5
    allow_loopback: bool = False  # for tests and the offline demo: this machine's own servers, at any port
    egress_allow: tuple[str, ...] = ()  # receivers of webhooks: "host", "host:port", "10.1.0.0/16", "[fd00::5]:9000"
    pause_seconds: float = 5.0  # between the starts of two requests to one host
    loopback_parallel: int = 4  # requests in flight to one loopback host, which need no pause
    lease_seconds: float = 120.0  # how long a host is kept from other processes

    def __post_init__(self) -> None:
        if not self.contact.isprintable() or not self.contact.isascii():
            raise ValueError(f"contact {self.contact!r} goes into a header: write an ASCII address on one line")
        if self.lease_seconds < 2 * max(self.pause_seconds, self.page_timeout_seconds):
            raise ValueError("lease_seconds must be at least twice pause_seconds and twice page_timeout_seconds")
        for entry in self.egress_allow:
            parse_opening(entry)

    @property
    def user_agent(self) -> str:
        return f"Tocsin (+{self.contact})" if self.contact else "Tocsin"

    def timeout_seconds(self, kind: Kind) -> float:
        return self.page_timeout_seconds if kind == "page" else self.feed_timeout_seconds

    def limit_bytes(self, kind: Kind) -> int:
        return {
            "feed": self.feed_limit_bytes,
            "page": self.page_limit_bytes,
            "robots": self.robots_limit_bytes,
            "list": self.list_limit_bytes,
        }[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One entry of `egress_allow`: a host by name or by address, at one port or at all."""

    name: str = ""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    port: int | None = None

    def admits(self, host: str, address: Address | None, port: int) -> bool:
        """Whether it opens the way to `host`, connected at `address` (None where not yet known)."""
        if self.port is not None and self.port != port:
            return False
        if self.network is None:
            return self.name == host.rstrip(".").lower()
        return address is not None and address.version == self.network.version and address in self.network


def parse_opening(entry: str) -> Opening:
    """An entry of `egress_allow` as written.

    Raises: ValueError saying what to write.
    """
    host, port = entry.strip().lower(), ""
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise ValueError(f'egress_allow: {entry!r} is no receiver; write "host", "host:port" or "10.1.0.0/16"')
    number = int(port) if port else None
    try:
        return Opening(network=ipaddress.ip_network(host, strict=False), port=number)
    except ValueError:
        if "/" in host:
            raise ValueError(f'egress_allow: {entry!r} is no network; write "10.1.0.0/16", or "host" alone') from None
        return Opening(name=host.rstrip("."), port=number)
