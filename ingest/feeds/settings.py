"""What an operator may set about feeds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """How often feeds are polled and how much is taken of each."""

    parallel: int = 8  # polls in flight
    first_interval_seconds: float = 900.0  # until something is known of a feed
    shortest_interval_seconds: float = 300.0
    longest_interval_seconds: float = 86_400.0
    loopback_shortest_seconds: float = 2.0  # for servers of this machine, where they are allowed
    probe_seconds: float = 86_400.0  # how often a feed is asked in full, whatever it said before
    move_seconds: float = 86_400.0  # over how long a permanent redirect must be said
    move_times: int = 3  # how often at least
    old_hours: float = 24.0  # older entries of a first poll ring nobody
    entries_limit: int = 2_000  # taken of one document
    content_limit_characters: int = 200_000  # of the HTML of one entry
    summary_limit_characters: int = 2_000
    look_again_seconds: float = 1.0  # while nothing is due
    claim_seconds: float = 300.0  # of several processes, how long one has a feed that it polls; more than a poll takes

    def __post_init__(self) -> None:
        if not 0 < self.shortest_interval_seconds <= self.longest_interval_seconds:
            raise ValueError("shortest_interval_seconds must be above 0 and at most longest_interval_seconds")
        if self.loopback_shortest_seconds <= 0 or self.look_again_seconds <= 0:
            raise ValueError("loopback_shortest_seconds and look_again_seconds must be above 0")
        for name in ("parallel", "entries_limit", "content_limit_characters", "summary_limit_characters"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; write 1 or more")
