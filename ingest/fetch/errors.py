"""What can go wrong between a URL and its body, each with one word for people."""

from typing import ClassVar

from ingest.verdict import Reject, Retry


class FetchError(Exception):
    """No response was had; `outcome` is one stable word. It is always a Retry or a Reject too."""

    outcome: ClassVar[str]


class RefusedError(FetchError, Reject):
    """The guard refused the URL or the address behind it; nothing was sent there."""

    outcome = "refused"


class TooLargeError(FetchError, Reject):
    """The body is over its limit, on the wire or decoded."""

    outcome = "too-large"


class BadEncodingError(FetchError, Reject):
    """The body is not in the content encoding that its header names, or in one that we did not ask for."""

    outcome = "bad-encoding"


class TooManyRedirectsError(FetchError, Reject):
    """The redirects come back to where they were, or do not end."""

    outcome = "too-many-redirects"


class TruncatedError(FetchError, Retry):
    """The body ended before its end."""

    outcome = "truncated"


class TimedOutError(FetchError, Retry):
    """It took longer than allowed."""

    outcome = "timeout"


class UnreachableError(FetchError, Retry):
    """The name, the connection, the encryption or the protocol failed."""

    outcome = "unreachable"
