"""What came of a poll -> one word for machines and one sentence for people."""

from enum import StrEnum


class Outcome(StrEnum):
    """One word for each poll. The first six are good; after all others the feed is polled more rarely."""

    NEW = "new"  # entries were new, or changed
    NOTHING_NEW = "nothing-new"  # a feed, all of whose entries were known
    NO_ENTRIES = "no-entries"  # a feed without items
    UNCHANGED = "unchanged"  # the same bytes as the last time
    NOT_MODIFIED = "not-modified"  # the server says so (304)
    MOVED = "moved"  # nothing new, and from now on it is polled at another address
    EMPTY = "empty"  # an answer without a body
    NOT_A_FEED = "not-a-feed"
    FAILED = "failed"  # reading it ended the process, or a fault of our own
    GONE = "gone"  # 410
    NOT_FOUND = "not-found"  # 404
    THROTTLED = "throttled"  # 429, or 503
    HTTP_ERROR = "http-error"  # any other status
    TRUNCATED = "truncated"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # by our own guard
    TOO_LARGE = "too-large"
    BAD_ENCODING = "bad-encoding"
    TOO_MANY_REDIRECTS = "too-many-redirects"


GOOD = frozenset(
    {
        Outcome.NEW,
        Outcome.NOTHING_NEW,
        Outcome.NO_ENTRIES,
        Outcome.UNCHANGED,
        Outcome.NOT_MODIFIED,
        Outcome.MOVED,
    }
)
SENTENCES = {
    Outcome.NEW: "New entries came",
    Outcome.NOTHING_NEW: "It was read; nothing was new",
    Outcome.NO_ENTRIES: "It was read; it is a feed without entries",
    Outcome.UNCHANGED: "It was read; it has not changed",
    Outcome.NOT_MODIFIED: "The server says that it has not changed",
    Outcome.MOVED: "It is read at its new address from now on",
    Outcome.EMPTY: "The server answers with nothing",
    Outcome.NOT_A_FEED: "What the server answers is no feed",
    Outcome.FAILED: "It could not be read",
    Outcome.GONE: "The server says that it is gone for good (410); is there a new address?",
    Outcome.NOT_FOUND: "The server does not know it (404); is the address right?",
    Outcome.THROTTLED: "The server asks for time",
    Outcome.HTTP_ERROR: "The server answers with an error",
    Outcome.TRUNCATED: "The answer broke off",
    Outcome.TIMEOUT: "The server did not answer in time",
    Outcome.UNREACHABLE: "The server cannot be reached",
    Outcome.REFUSED: "Its address is refused, as it is not on the public internet or not a web address",
    Outcome.TOO_LARGE: "It is larger than what is read",
    Outcome.BAD_ENCODING: "The answer is not in the encoding that it names",
    Outcome.TOO_MANY_REDIRECTS: "The server sends on and on",
}


def sentence(outcome: str, detail: str = "") -> str:
    """One sentence for people; `detail` in brackets where it adds something. An outcome of "" was not polled yet.

    >>> sentence("timeout")
    'The server did not answer in time.'
    """
    try:
        said = SENTENCES[Outcome(outcome)]
    except ValueError:
        return "It was not polled yet."
    end = "" if said.endswith("?") else "."
    return f"{said} ({detail.rstrip('.')}){end}" if detail else f"{said}{end}"
