"""The settings of the desk page -> may it answer there? Refused, with what to do, where others could come in unseen."""

import ipaddress
from urllib.parse import urlsplit

from ingest.verdict import Abort
from search.desk.context import DeskSettings

LOOPBACK = "set desk.host to 127.0.0.1 and reach it through an SSH tunnel"


def check_bind(settings: DeskSettings, *, people: bool) -> None:
    """Refuses to be open to others without sign-in, or without TLS. `people`: somebody may sign in.

    Raises: Abort saying what to do.
    """
    _check_settings(settings)
    if not reachable(settings):
        return
    where = settings.host if not is_loopback(settings.host) else settings.url
    if not people and not settings.proxy_header:
        raise Abort(
            f"the desk page would be open to others at {where!r}, and there is nobody who may sign in: add someone "
            f"with `tocsin people add NAME --role operator`, or set desk.proxy_header, or {LOOPBACK}"
        )
    if not has_tls(settings) and not settings.insecure and (not is_loopback(settings.host) or _outside(settings)):
        raise Abort(
            f"the desk page would answer at {where!r} without TLS, and passwords could be read on the way: put it "
            "behind a TLS proxy and set desk.url to its https address, or set desk.certificate_file and desk.key_file, "
            f"or {LOOPBACK}; desk.insecure = true lets it be"
        )


def _check_settings(settings: DeskSettings) -> None:
    if bool(settings.certificate_file) != bool(settings.key_file):
        raise Abort("desk.certificate_file and desk.key_file belong together: set both or none")
    if settings.url:
        _check_url(settings.url)
    if settings.proxy_header and not settings.proxy_addresses:
        raise Abort(
            f"desk.proxy_header is {settings.proxy_header!r}, and anybody could send it: "
            "name the addresses of the proxy in desk.proxy_addresses"
        )
    for address in settings.proxy_addresses:
        try:
            ipaddress.ip_network(address)
        except ValueError as error:
            raise Abort(f"desk.proxy_addresses: {error}; write 10.0.0.5 or 10.0.0.0/24") from error


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path in ("", "/")
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment or "@" in parts.netloc:
        raise Abort(f"desk.url is {url!r}; write the address of the page without a path, such as https://desk.example")


def reachable(settings: DeskSettings) -> bool:
    """Whether people on other machines may come, by themselves or through a proxy on this one."""
    return _outside(settings) or bool(settings.proxy_header) or not is_loopback(settings.host)


def _outside(settings: DeskSettings) -> bool:
    return bool(settings.url) and not is_loopback(name_of(urlsplit(settings.url).netloc))


def has_tls(settings: DeskSettings) -> bool:
    """Whether browsers reach the page over TLS, from us or from a proxy."""
    return bool(settings.certificate_file) or settings.url.startswith("https://")


def name_of(host: str) -> str:
    """The name in a Host header, without its port; empty where it is none.

    >>> name_of("Desk.example:8740"), name_of("[::1]:80"), name_of("localhost/static/?"), name_of("a@localhost")
    ('desk.example', '::1', '', '')
    """
    if set(host) & set("/?#@\\ "):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether a name or address is of this machine alone."""
    name = name.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
