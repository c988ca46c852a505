"""Names that a page credits -> its authors, people told from organisations, each with where it stood."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ingest.article import Credit
from ingest.extract.freeze import freeze
from ingest.extract.jsonld import ArticleNode, Graph, kinds_of, many
from ingest.extract.marks import Marks
from ingest.extract.wording import clean, fold

METAS = (
    "author",
    "article:author",
    "authors",
    "parsely-author",
    "sailthru.author",
    "byl",
    "cxenseparse:author",
    "dc.creator",
    "dcterms.creator",
    "citation_author",
    "article:author_name",
    "og:article:author",
    "dcsext.author",
    "shareaholic:article_author_name",
)
MOST = 30
LONGEST_LIST, LONGEST_NAME = 300, 90

_BETWEEN = re.compile(
    r"\s*(?:;|\||/|\s[&+]\s|,(?!\s*(?:Jr|Sr|MD|PhD)\b)|\s(?:and|und|et|y|e|och|og|ve|dan|oraz|i|и|та|і)\s)\s*"
)
_LEAD = re.compile(
    r"^(?:(?:written|reported|posted|words|story|text)\s+by|by|von|par|por|di|af|av|door|przez|oleh)[\s:]+",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\s*[(\[][^()\[\]]{0,40}[)\]]")
_CLOCK = re.compile(r"[\s,]+\d{1,2}[:.]\d{2}$")


def read_authors(marks: Marks, graph: Graph, node: ArticleNode, sites: frozenset[str]) -> tuple[Credit, ...]:
    """JSON-LD first, then metas. A list that only names the site gives way to one that names people."""
    said = _unique(_of_graph(graph, node, sites))
    if said and not all(credit.organisation for credit in said):
        return said
    for name in METAS:
        found = _unique(credits_of(marks.metas.get(name, ()), f"meta:{name}", sites))
        if found and not (said and all(credit.organisation for credit in found)):
            return found
    return said


def credits_of(lists: Iterable[str], source: str, sites: frozenset[str] = frozenset()) -> Iterator[Credit]:
    """The names in lines such as "By Ada Roe and Ben Poe (Reuters)"."""
    for line in lists:
        for name in _names(line):
            yield Credit(name=name, source=source, organisation=fold(name) in sites)


def _of_graph(graph: Graph, node: ArticleNode, sites: frozenset[str]) -> Iterator[Credit]:
    for value in many(node.facts.get("author")) or many(node.facts.get("creator")):
        organisation = _is_organisation(graph.resolve(value))
        for name in _names(graph.name(value)):
            yield Credit(name=name, source="ld:author", organisation=organisation or fold(name) in sites)


def _is_organisation(thing: Any) -> bool:
    return isinstance(thing, dict) and any(kind.endswith("organization") for kind in kinds_of(thing))


def _names(line: str) -> Iterator[str]:
    """The names of one line; none where it is an address or a template that was not filled."""
    line = _LEAD.sub("", _ASIDE.sub("", clean(line)).strip())
    if len(line) > LONGEST_LIST or line.lower().startswith(("http://", "https://", "www.", "@")) or "{" in line:
        return
    for part in _BETWEEN.split(line):
        name = _CLOCK.sub("", _LEAD.sub("", freeze(part).strip(" ,.;:-|")))
        if name and "@" not in name and len(name) <= LONGEST_NAME and not name[0].isdigit():
            yield name


def _unique(found: Iterable[Credit]) -> tuple[Credit, ...]:
    first: dict[str, Credit] = {}
    for credit in found:
        first.setdefault(credit.name, credit)
    return tuple(first.values())[:MOST]
