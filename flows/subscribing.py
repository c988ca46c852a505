"""What an operator names (a list, a file, an address) -> feeds in the ledger."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from flows.opening import Parts
from ingest.feeds.lists import ListedFeed, read_list
from ingest.feeds.subscribe import Subscribed, subscribe
from ingest.fetch import Fetcher
from ingest.verdict import Abort

LIST_ENDINGS = (".opml", ".xml", ".toml")


def subscribe_to(parts: Parts, sources: Sequence[str]) -> int:
    """Subscribes to every source; gives how many feeds are new or back.

    A list (OPML or TOML) replaces what it named before: a feed that left it is no longer polled.
    Raises: Abort if a source cannot be read; Reject if it is no list.
    """
    return sum(found.added + found.back for found in (_subscribe(parts, source) for source in dict.fromkeys(sources)))


def counted(added: int) -> str:
    """What `subscribe_to` gave, for people."""
    return f"{added} feed{'' if added == 1 else 's'} added"


def _subscribe(parts: Parts, source: str) -> Subscribed:
    listed = asyncio.run(_listed(parts, source))
    if listed is None:
        one = ListedFeed(url=source)
        return subscribe(parts.ledger, [one], list_name="", now=parts.clock())
    name = source if "://" in source else str(Path(source).absolute())
    return subscribe(parts.ledger, listed, list_name=name, now=parts.clock())


async def _listed(parts: Parts, source: str) -> list[ListedFeed] | None:
    """The feeds of a list, None where `source` is the address of one feed."""
    if "://" not in source:
        try:
            data = Path(source).expanduser().read_bytes()
        except OSError as error:
            raise Abort(
                f"cannot read {source}: {error.strerror}; give an OPML or TOML file, or an address with http"
            ) from error
        return read_list(data, source)
    async with Fetcher(parts.settings.fetch) as fetcher:
        response = await fetcher.get(source, kind="list")
    if response.status != 200:
        raise Abort(f"{source}: the server answers {response.status}; is the address right?")
    if source.partition("?")[0].endswith(LIST_ENDINGS[0]) or b"<opml" in response.body[:2000].lower():
        return read_list(response.body, source)
    return None
