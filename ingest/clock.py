"""Time as Tocsin keeps it: aware UTC in records, whole milliseconds since 1970 in the ledger."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present, aware UTC."""
    return datetime.now(UTC)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware time.

    >>> to_ms(datetime(2026, 1, 1, tzinfo=UTC))
    1767225600000
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone; records carry aware UTC only")
    return round(moment.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    """The aware UTC time of whole milliseconds since 1970."""
    return datetime.fromtimestamp(value / 1000, UTC)
