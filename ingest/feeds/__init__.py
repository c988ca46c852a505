"""The collect stage: lists of feeds -> polls -> [entries]. The door of feedparser."""

from ingest.feeds.parsed import FeedBody, ParsedFeed

FEED_JOB = "feed"
JOBS = {FEED_JOB: "ingest.feeds:parse_feed"}  # for the pool of children

__all__ = ["FEED_JOB", "JOBS", "FeedBody", "ParsedFeed", "parse_feed"]


def parse_feed(item: FeedBody) -> ParsedFeed:
    """What a body says as a feed; runs in a child, so the parsers are imported there only."""
    from ingest.feeds.parse import parse

    return parse(item)
