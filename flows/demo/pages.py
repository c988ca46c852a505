"""An article of the newsroom -> its page and its feed, in the forms that outlets really use."""

import json
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from html import escape

from flows.demo.stock import Outlet, Stocked

RIGHT_TO_LEFT = {"ar", "fa", "he"}
NOISE = (
    '<nav><ul><li><a href="/">·</a></li><li><a href="#weather">☀ 14°</a></li>'
    '<li><a href="#sport">1 : 0</a></li></ul></nav>'
)
ASIDE = '<aside class="more"><h2>+</h2><ul><li><a href="#a">A</a></li><li><a href="#b">B</a></li></ul></aside>'
FOOTER = "<footer><p>© 2026 {name}</p><p><a href='#imprint'>i</a> <a href='#privacy'>p</a></p></footer>"


def page(article: Stocked, url: str, published: datetime, text: str) -> tuple[bytes, str]:
    """The page's bytes and its content type."""
    make = {"json-ld": _json_ld, "open-graph": _open_graph, "meta": _meta, "bare": _bare, "legacy": _legacy}
    head, body = make[article.outlet.page](article, url, published, _paragraphs(text))
    direction = ' dir="rtl"' if article.outlet.language in RIGHT_TO_LEFT else ""
    charset = "windows-1250" if article.outlet.page == "legacy" else "utf-8"
    html = (
        f'<!doctype html>\n<html lang="{article.outlet.language}"{direction}><head><meta charset="{charset}">'
        f"{head}</head><body>{NOISE}{body}{FOOTER.format(name=escape(article.outlet.name))}</body></html>\n"
    )
    return html.encode(charset, "xmlcharrefreplace"), f"text/html; charset={charset}"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(line)}</p>\n" for line in text.splitlines() if line.strip())


def _title(article: Stocked) -> str:
    return f"<title>{escape(article.title)} | {escape(article.outlet.name)}</title>"


def _json_ld(article: Stocked, url: str, published: datetime, paragraphs: str) -> tuple[str, str]:
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title,
        "datePublished": published.isoformat(timespec="seconds"),
        "author": [{"@type": "Person", "name": article.author}],
        "publisher": {"@type": "NewsMediaOrganization", "name": article.outlet.name},
        "mainEntityOfPage": url,
    }
    script = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    head = f'{_title(article)}<link rel="canonical" href="{url}"><script type="application/ld+json">{script}</script>'
    return head, f"<main><article><h1>{escape(article.title)}</h1>{paragraphs}</article>{ASIDE}</main>"


def _open_graph(article: Stocked, url: str, published: datetime, paragraphs: str) -> tuple[str, str]:
    facts = {
        "og:title": article.title,
        "og:type": "article",
        "og:url": url,
        "og:site_name": article.outlet.name,
        "article:published_time": published.isoformat(timespec="seconds"),
        "article:author": article.author,
    }
    head = _title(article) + "".join(
        f'<meta property="{name}" content="{escape(value)}">' for name, value in facts.items()
    )
    return head, f'<article class="story"><h1>{escape(article.title)}</h1><div>{paragraphs}</div></article>{ASIDE}'


def _meta(article: Stocked, url: str, published: datetime, paragraphs: str) -> tuple[str, str]:
    head = (
        f'{_title(article)}<meta name="author" content="{escape(article.author)}">'
        f'<meta name="date" content="{published.date().isoformat()}"><link rel="canonical" href="{url}">'
    )
    return head, f'{ASIDE}<div id="content"><h1>{escape(article.title)}</h1>{paragraphs}</div>'


def _bare(article: Stocked, url: str, published: datetime, paragraphs: str) -> tuple[str, str]:
    stamp = published.isoformat(timespec="minutes")
    byline = f'<p class="byline">{escape(article.author)}, <time datetime="{stamp}">{published:%H:%M}</time></p>'
    return _title(article), f"<main><h1>{escape(article.title)}</h1>{byline}{paragraphs}</main>"


def _legacy(article: Stocked, url: str, published: datetime, paragraphs: str) -> tuple[str, str]:
    """A page with tables for layout, an old charset and no date at all."""
    cell = f"<h1>{escape(article.title)}</h1>{paragraphs}"
    return _title(article), f'<table width="100%"><tr><td width="20%">·</td><td>{cell}</td></tr></table>'


def feed(outlet: Outlet, base: str, shown: Sequence[tuple[Stocked, datetime, str]]) -> tuple[bytes, str]:
    """The outlet's feed, newest first, and its content type. `shown`: article, date, text as it stands now."""
    entries = "".join((_rss_item if outlet.feed == "rss" else _atom_entry)(base, *item) for item in shown)
    name, home = escape(outlet.name), f"{base}/{outlet.id}/"
    if outlet.feed == "rss":
        body = (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            f"<channel><title>{name}</title><link>{home}</link><description>{name}</description>"
            f"<language>{outlet.language}</language>{entries}</channel></rss>"
        )
        return body.encode(), "application/rss+xml; charset=utf-8"
    updated = max((date for _, date, _ in shown), default=None)
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{outlet.language}">'
        f"<title>{name}</title><id>{home}</id><link href='{home}'/>"
        f"<updated>{(updated.isoformat(timespec='seconds') if updated else '2026-01-01T00:00:00+00:00')}</updated>"
        f"{entries}</feed>"
    )
    return body.encode(), "application/atom+xml; charset=utf-8"


def _summary(text: str) -> str:
    return escape(text.splitlines()[0])


def _rss_item(base: str, article: Stocked, published: datetime, text: str) -> str:
    link = base + article.path
    return (
        f"<item><title>{escape(article.title)}</title><link>{link}</link><guid isPermaLink='true'>{link}</guid>"
        f"<dc:creator>{escape(article.author)}</dc:creator><pubDate>{format_datetime(published)}</pubDate>"
        f"<description>{_summary(text)}</description></item>"
    )


def _atom_entry(base: str, article: Stocked, published: datetime, text: str) -> str:
    link = base + article.path
    stamp = published.isoformat(timespec="seconds")
    return (
        f"<entry><title>{escape(article.title)}</title><link href='{link}'/><id>{link}</id>"
        f"<author><name>{escape(article.author)}</name></author><published>{stamp}</published><updated>{stamp}</updated>"
        f"<summary>{_summary(text)}</summary></entry>"
    )
