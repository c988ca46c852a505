"""What tests of the desk page as a client of HTTP share: rooms, addresses, visitors."""

import re

from search.desk import alerts

SCRIPT = "<script>alert(1)</script>"
PAGES = (
    "/", "/?show=closed", "/?desk=Sanctions", "/stories", "/search", "/search?q=topic:sanctions", "/search?q=nothing",
    "/search?q=*two", "/search/forms?start=sanc", "/watches", "/watches/new", "/watches/sanctions-eased", "/feeds",
    "/rejected", "/channels", "/why-not",
)  # fmt: skip


def as_page(url, page):
    """What the page's own script sends with every act."""
    return {"X-Form-Token": token_of(page), "Origin": url, "HX-Request": "true"}


def token_of(page):
    return re.search(r'data-form-token="([^"]+)"', page)[1]


def only_alert(room):
    cards, total = alerts.listed(room.ledger, limit=10)
    assert total == 1
    return cards[0].alert
