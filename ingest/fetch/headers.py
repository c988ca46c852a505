"""Headers as callers give them, as they go out, and as they come in."""

from collections.abc import Mapping, Sequence

from ingest.fetch.decode import ACCEPTED
from ingest.fetch.errors import RefusedError
from ingest.fetch.settings import FetchSettings, Kind

ACCEPT: dict[Kind, str] = {
    "feed": "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, "
    "*/*;q=0.5",
    "page": "text/html, application/xhtml+xml, */*;q=0.5",
    "robots": "text/plain, */*;q=0.5",
    "list": "text/x-opml, application/xml, text/xml, */*;q=0.5",
}
KEPT_ON_OTHER_HOSTS = frozenset({"accept", "accept-language", "if-none-match", "if-modified-since"})
Headers = tuple[tuple[str, str], ...]


def outgoing(given: Mapping[str, str], settings: FetchSettings) -> dict[str, str]:
    """The headers that go out: the caller's, and those that no caller may change.

    Raises: RefusedError for a value that would end its line or cannot be encoded.
    """
    ours = {"User-Agent": settings.user_agent, "Accept-Encoding": ACCEPTED}
    fixed = {name.lower() for name in ours}
    for name, value in given.items():
        if any(sign in "\r\n\0" or "\ud800" <= sign <= "\udfff" for sign in name + value):
            raise RefusedError(f"header {name!r} holds what no header may")
    return {name: value for name, value in given.items() if name.lower() not in fixed} | ours


def for_other_host(given: Mapping[str, str]) -> dict[str, str]:
    """Those of `given` that may follow a redirect to another host: nothing that could be a secret."""
    return {name: value for name, value in given.items() if name.lower() in KEPT_ON_OTHER_HOSTS}


def received(raw: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Headers as text that can be sent again: the same bytes where they are UTF-8, else read as Latin-1."""
    return tuple((_text(name), _text(value)) for name, value in raw)


def folded(headers: Headers) -> dict[str, str]:
    """One value a name, names in lower case; the values of a repeated one joined by a comma."""
    values: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        values[lower] = f"{values[lower]}, {value}" if lower in values else value
    return values


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
