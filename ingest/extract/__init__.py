"""A captured page, or an entry of a feed -> title, text, date and authors, each with where it stood.

The parent process only puts items together: what reads them is imported in the children, when they read.
"""

from ingest.entry import Entry
from ingest.extract.item import Extraction, PageItem, page_item

__all__ = ["Extraction", "PageItem", "extract_page", "from_entry", "page_item"]


def extract_page(item: PageItem) -> Extraction:
    """What a page says; the text is empty where none was found, and `path` tells why.

    Raises: Reject for bytes that are no page at all (PDF, pictures, archives).
    """
    from ingest.extract.page import read

    return read(item)


def from_entry(entry: Entry) -> Extraction:
    """What the feed itself says of an entry: the words of last resort, marked by `path` "feed:..."."""
    from ingest.extract.own_words import read

    return read(entry)
