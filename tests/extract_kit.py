"""What tests of extraction share: a small page around a head and a body, and how a page is read."""

from datetime import UTC, datetime

from ingest.extract import PageItem, extract_page

FETCHED = datetime(2026, 3, 4, 12, tzinfo=UTC)
URL = "https://www.outlet.example/news/ferry-runs-again"
LINES = (
    "The ferry between the two islands runs again since Tuesday, after a storm had kept it in port for nine days.",
    "Some forty lorries with food and medicine had been waiting at the quay, and the first of them crossed at dawn.",
    "The harbour master said that a second ship would follow on Friday if the wind turned to the south as forecast.",
    "Schools on the smaller island, which had closed for want of heating oil, will open their doors again next week.",
)
TEXT = "\n".join(LINES)
PARAGRAPHS = "".join(f"<p>{line}</p>" for line in LINES)
NAVIGATION = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/sport'>Sport</a></li></ul></nav>"


def page(head="", body="", *, language="en"):
    """A page whose article is TEXT, with `head` in its head and `body` in place of its heading."""
    article = f"<article>{body or '<h1>The ferry runs again</h1>'}{PARAGRAPHS}</article>"
    return whole(head, f"{NAVIGATION}<main>{article}</main><footer><p>© 2026 Outlet</p></footer>", language=language)


def whole(head, body, *, language="en"):
    html = f'<!doctype html><html lang="{language}"><head>{head}</head><body>{body}</body></html>'
    return html.encode("utf-8", "surrogatepass")


def json_ld(facts):
    import json

    return f'<script type="application/ld+json">{json.dumps(facts)}</script>'


def read(body, *, url=URL, kind="text/html", **told):
    return extract_page(PageItem(body=body, url=url, kind=kind, fetched=FETCHED, **told))
