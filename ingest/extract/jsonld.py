"""JSON-LD scripts of a page -> the node that describes its article. The door of orjson."""

import html
import json
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from ingest.extract.wording import clean

MOST_DEPTH, MOST_NODES, MOST_ITEMS = 6, 400, 200
RANK = {  # lower is a better description of the page's article
    **dict.fromkeys(
        [
            "newsarticle",
            "reportagenewsarticle",
            "analysisnewsarticle",
            "opinionnewsarticle",
            "backgroundnewsarticle",
            "askpublicnewsarticle",
            "reviewnewsarticle",
            "liveblogposting",
        ],
        0,
    ),
    **dict.fromkeys(["article", "report", "satiricalarticle", "advertisercontentarticle", "scholarlyarticle"], 1),
    **dict.fromkeys(["techarticle", "blogposting"], 1),
    "socialmediaposting": 2,
    "review": 3,
    "videoobject": 7,
    "audioobject": 7,
    "webpage": 8,
    "itempage": 8,
}
NO_ARTICLE = 7  # from this rank on a node is about the page, or a part of it
DESCEND = ("@graph", "mainEntity", "mainEntityOfPage", "hasPart", "itemListElement", "item", "subjectOf", "about")

Facts = Mapping[str, Any]
_CONTROLS = re.compile(r"[\x00-\x1f]+")
_LAST_COMMA = re.compile(r",\s*([}\]])")
_WRAPPERS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("//<![CDATA[", "//]]>"), ("/*<![CDATA[*/", "/*]]>*/"))
_REPAIRS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: _CONTROLS.sub(" ", text),
    lambda text: _LAST_COMMA.sub(r"\1", _CONTROLS.sub(" ", text)),
    html.unescape,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A thing with a type."""

    kinds: tuple[str, ...]  # in lower case, without the vocabulary's address
    facts: Facts
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All things that the scripts describe."""

    nodes: list[Node] = field(default_factory=list)
    by_id: dict[str, Facts] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """The thing that `value` points to by its @id, or `value` itself."""
        if isinstance(value, dict) and "name" not in value and isinstance(value.get("@id"), str):
            return self.by_id.get(value["@id"], value)
        return value

    def name(self, value: Any) -> str:
        """The name of a person or an organisation, however it is written."""
        if isinstance(value, str):
            return clean(value)
        thing = self.resolve(value)
        if not isinstance(thing, dict):
            return ""
        name = thing.get("name")
        if isinstance(name, list):
            name = next((item for item in name if isinstance(item, str)), "")
        if isinstance(name, dict):
            name = name.get("name") or name.get("@value")
        if not name and isinstance(thing.get("familyName"), str):
            name = f"{thing.get('givenName') or ''} {thing['familyName']}"
        return clean(name) if isinstance(name, str) else ""

    def first_name(self, kinds: Iterable[str]) -> str:
        """The name of the first thing of one of `kinds`."""
        wanted = frozenset(kinds)
        return next((clean(first_text(node.facts.get("name"))) for node in self.nodes if wanted & set(node.kinds)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleNode:
    """The node that describes the page's article; empty facts where there is none."""

    facts: Facts = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    about_page: bool = True  # it describes the page (or a film on it) rather than an article


def read_graph(scripts: Iterable[str]) -> Graph:
    """What the scripts describe; scripts that are no JSON, even after mending, say nothing."""
    graph = Graph()
    for script in scripts:
        _walk(_parsed(script), graph, 0)
    return graph


def article_node(graph: Graph, here: Container[str]) -> ArticleNode:
    """The best description: an article rather than a page, complete, of the best type, and of a path in `here`."""
    best, best_key = ArticleNode(), None
    for number, node in enumerate(graph.nodes):
        rank = min((RANK.get(kind, 99) for kind in node.kinds), default=99)
        if rank == 99:
            continue
        lacks = (not first_text(node.facts.get("headline"))) + (not node.facts.get("datePublished"))
        key = (rank >= NO_ARTICLE, lacks, _is_elsewhere(node, here), rank, node.depth, number)
        if best_key is None or key < best_key:
            best_key = key
            best = ArticleNode(facts=node.facts, kinds=node.kinds, about_page=rank >= NO_ARTICLE)
    return best


def is_live(graph: Graph, here: Container[str]) -> bool:
    """Whether the page, whose paths are `here`, is described as a live blog, be it beside an article."""
    return any("liveblogposting" in node.kinds and not _is_elsewhere(node, here) for node in graph.nodes)


def first_text(value: Any) -> str:
    """The first text of a value that may be a text, a list, or an object with @value."""
    for item in value[:MOST_ITEMS] if isinstance(value, list) else [value]:
        if isinstance(item, str) and item.strip():
            return item
        if isinstance(item, dict) and isinstance(item.get("@value"), str):
            return str(item["@value"])
    return ""


def many(value: Any) -> list[Any]:
    """A value that may be one or many, as a list."""
    return [] if value is None else value[:MOST_ITEMS] if isinstance(value, list) else [value]


def path_of(url: str) -> str:
    """The path of an address without the last slash; empty where it cannot be read."""
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""


def _is_elsewhere(node: Node, here: Container[str]) -> bool:
    path = path_of(_address(node.facts))
    return bool(path) and path not in here


def _address(facts: Facts) -> str:
    page = facts.get("mainEntityOfPage")
    page = page.get("@id") if isinstance(page, dict) else page
    for value in (first_text(facts.get("url")), page, facts.get("@id")):
        if isinstance(value, str) and value:
            return value if value.startswith("http") else ""
    return ""


def _walk(value: Any, graph: Graph, depth: int) -> None:
    if depth > MOST_DEPTH or len(graph.nodes) > MOST_NODES:
        return
    if isinstance(value, list):
        for item in value[:MOST_ITEMS]:
            _walk(item, graph, depth + 1)
    elif isinstance(value, dict):
        name = value.get("@id")
        if isinstance(name, str) and len(value) > 1:
            graph.by_id.setdefault(name, value)
        if kinds := kinds_of(value):
            graph.nodes.append(Node(kinds=kinds, facts=value, depth=depth))
        for key in DESCEND:
            if isinstance(value.get(key), dict | list):
                _walk(value[key], graph, depth + 1)


def kinds_of(facts: Facts) -> tuple[str, ...]:
    """The types of a thing, in lower case."""
    said = facts.get("@type")
    names = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return tuple(name.rsplit("/", 1)[-1].lower() for name in names[:MOST_ITEMS] if isinstance(name, str))


def _parsed(script: str) -> Any:
    script = script.strip()
    if not script:
        return None
    try:
        return orjson.loads(script)
    except orjson.JSONDecodeError:
        return _mended(script)


def _mended(script: str) -> Any:
    """Scripts as pages really write them: wrapped in comments, with a comma or a semicolon too many, escaped."""
    for start, end in _WRAPPERS:
        if script.startswith(start):
            script = script[len(start) :].strip().removesuffix(end).strip()
    script = script.rstrip(";")
    for repair in _REPAIRS:
        try:
            return json.loads(repair(script), strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        return json.JSONDecoder(strict=False).raw_decode(script)[0]
    except (ValueError, RecursionError):
        return None
