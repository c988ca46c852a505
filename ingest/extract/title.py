"""What markup, headings and feed call the article -> its title, and where that stood."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.extract.item import PageItem
from ingest.extract.jsonld import ArticleNode, first_text
from ingest.extract.marks import Marks
from ingest.extract.wording import clean, fold

METAS = (
    "og:title",
    "twitter:title",
    "parsely-title",
    "sailthru.title",
    "headline",
    "citation_title",
    "dc.title",
    "dcterms.title",
    "title",
)
SHORTEST = 4
LONG = 100  # characters from which a headline may have been cut
LEAST_TWIN = 10  # folded letters that a heading needs to be taken for the same title

_BREAK = re.compile(r"\s+[-–—|·•*‹›«»:]\s+|\s*[|｜ㅣ]\s*|：(?=[^：]{2,20}$)")
_BAR = re.compile(r"\s*[|｜ㅣ*]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A title that was claimed."""

    value: str
    source: str  # "ld:headline", "meta:og:title", "title", "h1", "feed"; "+h1" where a heading showed where it ends
    raw: str


def choose_title(item: PageItem, marks: Marks, node: ArticleNode, sites: frozenset[str]) -> Title:
    """JSON-LD, then metas, then <title>, each without the site's name; then a heading, then the feed's title.

    The first of them is corrected by what else stands on the page: a heading or the feed's title that the candidate
    only adds a section to wins, and one that was cut short is made whole.
    """
    claims = [claim for claim in _claims(marks, node, sites) if _is_title(claim.value, sites)]
    headings = [heading for heading in marks.headings if _is_title(heading, sites)]
    told = clean(item.title)
    if not claims:
        found = [Title(value=heading, source="h1", raw=heading) for heading in headings[:1]]
        return found[0] if found else Title(value=told, source="feed" if told else "", raw=told)
    first = _whole(claims[0], [*headings, *(claim.value for claim in claims[1:])])
    return _without_section(first, [(heading, "h1") for heading in headings] + [(told, "feed")])


def _claims(marks: Marks, node: ArticleNode, sites: frozenset[str]) -> Iterator[Title]:
    name = "" if node.about_page else first_text(node.facts.get("name"))
    headline = first_text(node.facts.get("headline")) or name
    said = [("ld:headline", headline), *((f"meta:{key}", marks.meta(key)) for key in METAS), ("title", marks.title)]
    for source, raw in said:
        if value := clean(raw):
            yield Title(value=_without_site(value, sites), source=source, raw=raw)


def _is_title(value: str, sites: frozenset[str]) -> bool:
    return len(value) >= SHORTEST and fold(value) not in sites


def _without_site(title: str, sites: frozenset[str]) -> str:
    """Without the segments at either end that name the site."""
    while breaks := list(_BREAK.finditer(title)):
        first, last = breaks[0], breaks[-1]
        if last.start() >= 8 and _names_site(title[last.end() :], sites):
            title = title[: last.start()].rstrip()
        elif len(title) - first.end() >= 8 and _names_site(title[: first.start()], sites):
            title = title[first.end() :].lstrip()
        else:
            break
    return title


def _names_site(segment: str, sites: Iterable[str]) -> bool:
    said = fold(segment)
    return bool(said) and any(
        said == site
        or (min(len(said), len(site)) >= 4 and (said in site or site in said) and len(said) <= len(site) + 12)
        for site in sites
    )


def _whole(claim: Title, others: Iterable[str]) -> Title:
    """A title that ends in dots, or a headline so long that a limit may have cut it, in its longer form if there is."""
    dotted = claim.value.endswith(("...", "…"))
    if not dotted and not (claim.source == "ld:headline" and len(claim.value) >= LONG):
        return claim
    kept = claim.value.rstrip(".… ")
    start = fold(kept)
    longer = [
        other
        for other in others
        if len(fold(other)) > len(start) + 3 and fold(other).startswith(start) and not _BREAK.match(other[len(kept) :])
    ]
    if len(start) < 20 or not longer:
        return claim
    return Title(value=min(longer, key=len), source=f"{claim.source}+longer", raw=claim.raw)


def _without_section(claim: Title, twins: Iterable[tuple[str, str]]) -> Title:
    """Without what is joined to a title that readers see alone. " - subtitle" of a headline is part of it."""
    said, is_headline = fold(claim.value), claim.source.startswith("ld:")
    for twin, source in twins:
        same = fold(twin)
        if len(same) < LEAST_TWIN or same == said:
            continue
        joined = (_BAR if is_headline else _BREAK).match(claim.value[len(twin) :])
        if (said.startswith(same) and joined) or (not is_headline and said.endswith(same)):
            return Title(value=twin, source=f"{claim.source}+{source}", raw=claim.raw)
    return claim
