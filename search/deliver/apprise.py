"""A message -> any service that apprise speaks to. The door of apprise."""

import asyncio
from urllib.parse import urlsplit

from ingest.verdict import Reject, Retry
from search.deliver.message import Message
from search.deliver.sender import Allowed
from search.deliver.settings import ChannelSettings

# Schemes whose address names the host that is connected to: the operator opens the host.
HOST_PORTS = {
    "json": 80, "jsons": 443, "xml": 80, "xmls": 443, "form": 80, "forms": 443, "gotify": 80, "gotifys": 443,
    "mmost": 8065, "mmosts": 443, "rocket": 80, "rockets": 443,
}  # fmt: skip
KINDS = {"withdrawn": "warning", "test": "info"}


class Apprise:
    """Sends through one apprise address. Where it leads must be opened: the host, else the scheme of the service."""

    def __init__(self, channel: ChannelSettings, allowed: Allowed, schemes: tuple[str, ...]) -> None:
        self._channel, self._allowed, self._schemes = channel, allowed, schemes

    async def send(self, message: Message) -> str:
        self._check()
        return await asyncio.to_thread(self._send, message)

    def _check(self) -> None:
        name, url = self._channel.name, self._channel.url
        scheme = url.partition("://")[0].lower() if "://" in url else ""
        if not scheme:
            raise Reject(f'channel {name}: its url has no scheme: write "json://host/path" or the like')
        if scheme in HOST_PORTS:
            host, port = address(url, name)
            if not self._allowed(host, port):
                raise Reject(f'{host}:{port} is not open: add "{host}:{port}" to egress_allow')
        elif scheme not in self._schemes:
            raise Reject(f'services by {scheme}:// are not open: add "{scheme}" to apprise_schemes')

    def _send(self, message: Message) -> str:
        import apprise

        # Nothing is kept on disk, and no token is written into a log.
        asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY, secure_logging=True)
        service = apprise.Apprise(asset=asset)
        if not service.add(self._channel.url):
            raise Reject(f"channel {self._channel.name}: apprise does not know this address; see its list of services")
        for one in service:
            one.redirects = False  # a redirect could lead where nothing was opened, whatever the address asks for
        accepted = service.notify(
            title=message.subject,
            body=message.text,
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=KINDS.get(message.kind, "failure" if _is_high(message) else "info"),
        )
        if not accepted:
            raise Retry("the service did not accept it")
        return "accepted by the service"


def address(url: str, channel: str) -> tuple[str, int]:
    """Host and port that an apprise address of one of HOST_PORTS leads to.

    Raises: Reject if it names none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or HOST_PORTS[parts.scheme]
    except ValueError as error:
        raise Reject(f"channel {channel}: its url is no address: {error}") from error
    if not host:
        raise Reject(f"channel {channel}: its url names no host")
    return host, port


def _is_high(message: Message) -> bool:
    return message.alert is not None and message.alert.severity == "high"
