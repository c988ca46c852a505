"""An IP address -> whether it is on the public internet, with every IPv4 address inside an IPv6 one unwrapped."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

DENIED_V4 = tuple(
    (IPv4Network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "platform service of a cloud"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
# Named for the message only: whatever lies outside 2000::/3 is denied, named or not.
DENIED_V6 = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("::1/128", "loopback"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
    )
)
PUBLIC_V6 = IPv6Network("2000::/3")
MAPPED, COMPATIBLE = IPv6Network("::ffff:0:0/96"), IPv6Network("::/96")
NAT64, LOCAL_NAT64 = IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48")
SIX_TO_FOUR, TEREDO = IPv6Network("2002::/16"), IPv6Network("2001::/32")
THIS_NETWORK = IPv4Network("0.0.0.0/8")


def parse(text: str) -> Address:
    """The address in `text` as the system gives it, with or without a zone (`fe80::1%eth0`).

    Raises: ValueError if it is none.
    """
    return ip_address(text)


def is_loopback(address: Address) -> bool:
    """Whether a connection to it stays in this machine, also as `::ffff:127.0.0.1`."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def denial(address: Address) -> str:
    """Why no fetch may go to `address`; empty where it is public.

    >>> denial(parse("93.184.215.14")), denial(parse("10.0.0.1"))
    ('', 'private')
    >>> denial(parse("64:ff9b::7f00:1"))
    'loopback'
    """
    if isinstance(address, IPv4Address):
        return next((name for network, name in DENIED_V4 if address in network), "")
    address = IPv6Address(int(address))  # without its zone
    inside = _unwrapped(address)
    if inside is not None and int(address) != 1:
        return next((reason for reason in map(denial, inside) if reason), "")
    known = next((name for network, name in DENIED_V6 if address in network), "")
    return known or ("" if address in PUBLIC_V6 else "reserved")


def _unwrapped(address: IPv6Address) -> tuple[IPv4Address, ...] | None:
    """The IPv4 addresses that a packet to `address` may reach; None where it carries none."""
    bits = int(address)
    last = IPv4Address(bits & 0xFFFF_FFFF)
    if address in MAPPED or address in COMPATIBLE or address in NAT64:
        return (last,)
    if address in LOCAL_NAT64:
        return (last, *_read_at_48_to_64(bits))
    if address in SIX_TO_FOUR:
        return (IPv4Address(bits >> 80 & 0xFFFF_FFFF),)
    if address in TEREDO:
        return (IPv4Address(bits >> 64 & 0xFFFF_FFFF), IPv4Address(~bits & 0xFFFF_FFFF))
    return None


def _read_at_48_to_64(bits: int) -> list[IPv4Address]:
    """The readings of a translated address under prefixes of 48, 56 and 64 bits (RFC 6052, section 2.2).

    Readings within 0.0.0.0/8 are left out: a longer prefix has zeros there, and none of them can be reached.
    """
    without_octet_u = (bits >> 64) << 56 | bits & (1 << 56) - 1  # 120 bits: the octet at 64 to 71 belongs to no address
    readings = [IPv4Address(without_octet_u >> 120 - start - 32 & 0xFFFF_FFFF) for start in (48, 56, 64)]
    return [reading for reading in readings if reading not in THIS_NETWORK]
