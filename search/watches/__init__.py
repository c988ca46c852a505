"""A TOML file and the desk page -> the watches in force, with their versions and their examples tried."""

from search.watches.check import Checked, check
from search.watches.file import read_watches
from search.watches.store import Version, WatchStore
from search.watches.valid import WatchError, check_watch, slug

__all__ = ["Checked", "Version", "WatchError", "WatchStore", "check", "check_watch", "read_watches", "slug"]
