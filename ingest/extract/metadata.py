"""A tree -> all that its markup says of the article, each claim judged against the others."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from ingest.article import Credit
from ingest.entry import Stamp
from ingest.extract.authors import read_authors
from ingest.extract.freeze import freeze
from ingest.extract.item import PageItem
from ingest.extract.jsonld import ArticleNode, article_node, first_text, is_live, path_of, read_graph
from ingest.extract.marks import Marks, read_marks
from ingest.extract.published import Dates
from ingest.extract.sites import site_names
from ingest.extract.title import Title, choose_title
from ingest.links import site_of

LONGEST_ADDRESS = 2_000
SHORT_CODES = {  # ISO 639-2, as some pages declare it
    "eng": "en",
    "deu": "de",
    "ger": "de",
    "fra": "fr",
    "fre": "fr",
    "spa": "es",
    "ita": "it",
    "por": "pt",
    "rus": "ru",
    "ukr": "uk",
    "pol": "pl",
    "jpn": "ja",
    "kor": "ko",
    "zho": "zh",
    "chi": "zh",
    "ara": "ar",
    "ind": "id",
}

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?=[-_]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What markup and feed say. `published` is None where nobody says it."""

    title: Title
    authors: tuple[Credit, ...]
    published: Stamp | None
    modified: Stamp | None
    language: str  # as declared, a code of two letters where there is one
    canonical: str
    copy_at: str
    flags: tuple[str, ...]
    sites: frozenset[str]  # names of the site, folded


def read_metadata(root: HtmlElement, item: PageItem) -> Metadata:
    """All in one pass over the tree; what the feed says fills gaps and settles doubts."""
    marks = read_marks(root)
    graph = read_graph(marks.scripts)
    claimed = _absolute(marks.canonical, marks, item)
    here = frozenset((path_of(item.url), path_of(claimed or item.url)))
    node = article_node(graph, here)
    sites = site_names(item, marks, graph, node)
    language = _language(marks, node, item)
    dates = Dates(item, marks, language)
    canonical, copy_at = _addresses(claimed, marks, node, item)
    return Metadata(
        title=choose_title(item, marks, node, sites),
        authors=read_authors(marks, graph, node, sites),
        published=dates.published(graph, node),
        modified=dates.modified(node),
        language=language,
        canonical=canonical,
        copy_at=copy_at,
        flags=_flags(node, is_live(graph, here)),
        sites=sites,
    )


def _addresses(claimed: str, marks: Marks, node: ArticleNode, item: PageItem) -> tuple[str, str]:
    """The canonical address on the page's own host, and the one on another: anybody can claim anybody's address."""
    own = {site_of(item.url), site_of(item.link)}
    shared = _absolute(marks.meta("og:url"), marks, item)
    said = [url for url in (claimed, shared, first_text(node.facts.get("url"))) if _is_address(url, item)]
    canonical = next((url for url in said if site_of(url) in own), "")
    copy_at = said[0] if said and site_of(said[0]) not in own else ""
    return _plain(canonical), _plain(copy_at)


def _absolute(written: str, marks: Marks, item: PageItem) -> str:
    if not written.strip() or len(written) > LONGEST_ADDRESS:
        return ""
    try:
        return urljoin(urljoin(item.url, marks.base[:LONGEST_ADDRESS]), written.strip())
    except ValueError:
        return ""


def _is_address(url: str, item: PageItem) -> bool:
    """A web address, and not that of the front page unless the front page was asked for."""
    if not url.startswith(("http://", "https://")) or len(url) > LONGEST_ADDRESS or not site_of(url):
        return False
    try:
        query = urlsplit(url).query
    except ValueError:
        return False
    return bool(path_of(url) or query) or not path_of(item.url)


def _plain(url: str) -> str:
    return freeze(url.partition("#")[0])


def _language(marks: Marks, node: ArticleNode, item: PageItem) -> str:
    declared = (
        first_text(node.facts.get("inLanguage")),
        marks.language,
        marks.meta("content-language"),
        marks.meta("og:locale"),
        item.language,
    )
    for said in declared:
        if found := _LANGUAGE.match(said.strip()):
            code = found[0].lower()
            return SHORT_CODES.get(code, code)
    return ""


def _flags(node: ArticleNode, live: bool) -> tuple[str, ...]:
    free = node.facts.get("isAccessibleForFree")
    paid = free is False or (isinstance(free, str) and free.strip().lower() == "false")
    return tuple(flag for flag, holds in (("paywalled", paid), ("live-blog", live)) if holds)
