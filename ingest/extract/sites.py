"""A page's markup and address -> the names its site goes by, so that they are told from titles and people."""

from ingest.extract.item import PageItem
from ingest.extract.jsonld import ArticleNode, Graph
from ingest.extract.marks import Marks
from ingest.extract.wording import clean, fold
from ingest.links import site_of


def site_names(item: PageItem, marks: Marks, graph: Graph, node: ArticleNode) -> frozenset[str]:
    """The names, folded: as page, JSON-LD and feed write them, the host, and the host's own part."""
    publisher = node.facts.get("publisher")
    host = site_of(item.url)
    names = (
        graph.name(publisher[0] if isinstance(publisher, list) and publisher else publisher),
        clean(marks.meta("og:site_name")),
        graph.first_name(("website",)),
        graph.first_name(("newsmediaorganization", "organization")),
        clean(marks.meta("application-name")),
        clean(marks.meta("twitter:site")).lstrip("@"),
        clean(item.source),
        host,
        _own_part(host),
    )
    return frozenset(filter(None, map(fold, names)))


def _own_part(host: str) -> str:
    """ "example" of example.org and of example.co.uk."""
    parts = host.split(".")
    if len(parts) > 2 and len(parts[-2]) <= 3 and len(parts[-1]) == 2:
        return parts[-3]
    return parts[-2] if len(parts) > 1 else host
