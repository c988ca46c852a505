"""The ledger's tables, one module for each part of the route. Times are whole milliseconds since 1970."""

from sqlalchemy import MetaData

metadata = MetaData()

from ingest.ledger.tables import alerts, articles, feeds, people, stories, stream  # noqa: E402 - each adds its tables

__all__ = ["alerts", "articles", "feeds", "metadata", "people", "stories", "stream"]
