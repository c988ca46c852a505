"""A tree without any date in its markup -> a guess, marked as one. The door of htmldate."""

import logging

from htmldate import find_date
from lxml.html import HtmlElement

from ingest.dates import FUTURE, parse
from ingest.entry import Stamp
from ingest.extract.item import PageItem
from ingest.extract.published import local

SOURCE = "htmldate:guess"

logging.getLogger("htmldate").setLevel(logging.CRITICAL)  # it would log addresses


def guess_date(root: HtmlElement, item: PageItem, modified: Stamp | None) -> Stamp | None:
    """The day that the page's words and pictures' addresses speak for; right on about half of such pages.

    Refused are the first of a month, which is what a bare year or month becomes ("© 2026"); the day of the visit,
    which many pages show in their head; and the day of the last change.
    """
    latest = (item.fetched + FUTURE).strftime("%Y-%m-%d")
    try:
        found = find_date(root, original_date=True, extensive_search=True, max_date=latest, url=item.url)
    except (ValueError, OverflowError):  # from numbers on the page that are no date
        return None
    if not found or found.endswith("-01") or found == item.fetched.strftime("%Y-%m-%d"):
        return None
    if modified is not None and found == local(modified).strftime("%Y-%m-%d"):
        return None
    return parse(found, source=SOURCE, now=item.fetched)
