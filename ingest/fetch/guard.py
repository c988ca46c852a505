"""A URL or a connected address -> let through, or RefusedError: where no fetch may go."""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from yarl import URL

from ingest.fetch.addresses import Address, denial, is_loopback, parse
from ingest.fetch.errors import RefusedError
from ingest.fetch.settings import FetchSettings, Opening, parse_opening

PORTS = frozenset({80, 443, 8080, 8443})
DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 8000
LABEL = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # no name ends so: `127.1` is an address to some systems
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")
# What RFC 3986 lets stand in a path and query as written; "%" only before two hexadecimal digits.
UNSAFE = re.compile(r"%(?![0-9A-Fa-f]{2})|[^%A-Za-z0-9\-._~:/?@!$&'()*+,;=\[\]|]")


def check_url(url: str, settings: FetchSettings, *, openings: Sequence[Opening] = ()) -> str:
    """`url` as it goes out: host in ASCII, path and query as written but for what must be escaped, no fragment.

    It judges the text only; where a name leads is judged by `check_address` when the connection is made.
    Raises: RefusedError.
    """
    if len(url) > LONGEST_URL:
        raise RefusedError(f"{shown(url)}: the address is longer than {LONGEST_URL} characters")
    if FORBIDDEN.search(url):
        raise RefusedError(f"{shown(url)}: a backslash or a control character in the address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RefusedError(f"{shown(url)}: not an address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise RefusedError(f"{shown(url)}: only http and https are fetched")
    if "@" in parts.netloc:
        raise RefusedError(f"{shown(url)}: user names and passwords in addresses are not sent")
    host = _ascii_host(parts.netloc, url)
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    # With loopback allowed or receivers opened, the port is judged together with the connected address.
    if port not in PORTS and not settings.allow_loopback and not openings:
        raise RefusedError(f"{shown(url)}: port {port} is not one of {', '.join(map(str, sorted(PORTS)))}")
    place = host if port == DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    return f"{parts.scheme}://{place}{_escaped(parts.path) or '/'}{query}"


def check_address(
    text: str, port: int, settings: FetchSettings, *, host: str = "", openings: Sequence[Opening] = ()
) -> None:
    """Lets a connection to the address in `text` be made, or raises RefusedError.

    `host` is the name that led there; `openings` are the receivers an operator opened, empty for what feeds name.
    """
    address = parse(text)
    if any(opening.admits(host, address, port) for opening in openings):
        return
    if settings.allow_loopback and is_loopback(address):
        return
    if reason := denial(address):
        raise RefusedError(
            f"{host or text}: leads to {text}, which is not on the public internet ({reason}); "
            "an internal receiver of alerts is opened by egress_allow"
        )
    if port not in PORTS:
        raise RefusedError(f"{host or text}: port {port} is not one of {', '.join(map(str, sorted(PORTS)))}")


def is_open(host: str, port: int, settings: FetchSettings) -> bool:
    """Whether an operator opened the receiver: for channels that connect by themselves, such as mail servers."""
    address = literal(host)
    if settings.allow_loopback and names_loopback(host):
        return True
    return any(parse_opening(entry).admits(host, address, port) for entry in settings.egress_allow)


def host_of(url: str) -> str:
    """The key of the host in a URL: lower-case name, with its port unless it is the scheme's own.

    >>> host_of("https://Example.org:443/a"), host_of("http://127.0.0.1:8000/")
    ('example.org', '127.0.0.1:8000')
    """
    return (URL(url).host_port_subcomponent or "").lower()


@lru_cache(maxsize=4096)
def names_loopback(host: str) -> bool:
    """Whether `host`, with or without a port, names this machine by its spelling alone. For manners, not for safety."""
    address = literal(host)
    try:
        name = host if address else urlsplit(f"//{host.lower()}").hostname or ""
    except ValueError:
        return False
    address = address or literal(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and is_loopback(address))


def literal(host: str) -> Address | None:
    """The address that `host` spells out, None where it is a name."""
    try:
        return parse(host.strip("[]"))
    except ValueError:
        return None


def shown(url: str) -> str:
    """`url` for a message: short, one line, without its query and without a password."""
    return ascii(re.sub(r"//[^/]*@", "//...@", url.partition("?")[0])[:200])[1:-1]


def _ascii_host(netloc: str, url: str) -> str:
    if "%" in netloc:
        raise RefusedError(f"{shown(url)}: '%' in the name of the host")
    try:
        host = URL(f"http://{netloc}/").raw_host
    except ValueError as error:
        raise RefusedError(f"{shown(url)}: no usable host: {error}") from error
    if host and ":" in host and literal(host):
        return f"[{host}]"
    labels = (host or "").removesuffix(".").split(".")
    if host is None or len(host) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise RefusedError(f"{shown(url)}: no usable host")
    if NUMBER.fullmatch(labels[-1]) and not literal(host):
        raise RefusedError(f"{shown(url)}: an IPv4 address is written as four decimal numbers")
    return host


def _escaped(text: str) -> str:
    return UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)
