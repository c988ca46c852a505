"""URL -> Response: one guarded, polite fetcher for feeds, pages, lists and webhooks. The door of aiohttp."""

from ingest.fetch.errors import FetchError
from ingest.fetch.fetcher import Fetcher
from ingest.fetch.politeness import Politeness
from ingest.fetch.response import Hop, Response
from ingest.fetch.robots import Robots
from ingest.fetch.settings import FetchSettings, Kind

__all__ = ["FetchError", "FetchSettings", "Fetcher", "Hop", "Kind", "Politeness", "Response", "Robots"]
