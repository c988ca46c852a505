"""What a desk asks for: a query with a name, a severity, channels and examples."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A query that rings. Its examples are run before it is switched on."""

    id: str  # a slug of the name, unique: "release-for-relief"
    name: str
    query: str  # the query language of `tocsin find`
    desk: str = ""  # the group that it rings for
    severity: Severity = "medium"
    enabled: bool = True
    channels: tuple[str, ...] = ()  # names of channels in the settings; the page always rings
    note: str = ""
    must_ring: tuple[str, ...] = ()  # sentences, in any covered language
    must_not_ring: tuple[str, ...] = ()
    version: int = 1
    by: str = ""  # who wrote this version
    schema: int = 1
