"""A watch -> let through, or WatchError: what it says is wrong and what to write."""

import re
import unicodedata
from collections.abc import Callable
from typing import get_args

from ingest.identity import digest
from ingest.verdict import Reject
from search.watch import Severity, Watch

LONGEST_ID = 64
Parse = Callable[[str], object]


class WatchError(Reject, ValueError):
    """A watch that cannot be used: says which, where it stands, and what to write.

    `place` is the character of the query where it went wrong.
    """

    def __init__(self, message: str, place: int | None = None) -> None:
        super().__init__(message)
        self.place = place


def slug(name: str) -> str:
    """The id that a name gives: its letters and digits, joined by hyphens.

    >>> slug("Release for relief!"), slug("Смягчение санкций")
    ('release-for-relief', 'смягчение-санкций')
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())
    words = "-".join(re.findall(r"[^\W_]+", folded))[:LONGEST_ID].strip("-")
    return words or digest("watch", name)


def check_watch(watch: Watch, parse: Parse, place: str = "") -> None:
    """Lets a watch pass that can be used.

    Raises: WatchError; `place` stands before its message.
    """
    before = f"{place}: " if place else ""
    if not watch.name.strip() or not watch.id or "/" in watch.id:
        raise WatchError(f"{before}a watch needs a name, and an id without a slash")
    if watch.severity not in get_args(Severity):
        raise WatchError(f"{before}severity is {watch.severity!r}: write one of {', '.join(get_args(Severity))}")
    if not watch.query.strip():
        raise WatchError(f'{before}a watch needs a query: write query = "..."')
    try:
        parse(watch.query)
    except ValueError as error:
        raise WatchError(f"{before}query: {error}", getattr(error, "place", None)) from error
