"""A query's tree -> a closure that says whether a document matches, cheapest part first."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from search.document import Document
from search.query.tree import TEXTS, All, And, Exists, Near, Node, Not, Or, Phrase, Prefix, Range, Term

COST = {All: 0, Exists: 1, Term: 1, Range: 1, Prefix: 4, Phrase: 6, Near: 8, And: 5, Or: 5, Not: 3}


class Prepared:
    """A document with the look-ups that predicates need; made once, matched many times."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.tokens: Mapping[str, tuple[str, ...]] = {"terms": document.terms, "title_terms": document.title_terms}
        self.places: dict[str, dict[str, list[int]]] = {field: {} for field in TEXTS}
        for field, places in self.places.items():
            for at, word in enumerate(self.tokens[field]):
                places.setdefault(word, []).append(at)
        self._sorted: dict[str, list[str]] = {}

    def has_prefix(self, field: str, prefix: str) -> bool:
        words = self._sorted.get(field)
        if words is None:
            words = self._sorted[field] = sorted(self.places[field])
        at = bisect_left(words, prefix)
        return at < len(words) and words[at].startswith(prefix)

    def values(self, field: str) -> frozenset[str]:
        return self.document.keywords.get(field, frozenset())


Predicate = Callable[[Prepared], bool]


def predicate(node: Node) -> Predicate:
    """Whether a document matches `node`."""
    match node:
        case All():
            return lambda _: True
        case And(kids=kids):
            parts = [predicate(kid) for kid in sorted(kids, key=_cost)]
            return lambda article: all(part(article) for part in parts)
        case Or(kids=kids):
            parts = [predicate(kid) for kid in sorted(kids, key=_cost)]
            return lambda article: any(part(article) for part in parts)
        case Not(kid=kid):
            inner = predicate(kid)
            return lambda article: not inner(article)
        case Term(field="id", value=value):
            return lambda article: article.document.id == value
        case Term(field=field, value=value) if field in TEXTS:
            return lambda article: value in article.places[field]
        case Term(field=field, value=value):
            return lambda article: value in article.values(field)
        case Phrase(field=field, words=words):
            return lambda article: has_phrase(article, field, words)
        case Near(field=field, words=words, slop=slop):
            return lambda article: has_near(article, field, words, slop)
        case _:
            return _rest(node)


def _rest(node: Node) -> Predicate:
    match node:
        case Prefix(field="id", value=value):
            return lambda article: article.document.id.startswith(value)
        case Prefix(field=field, value=value) if field in TEXTS:
            return lambda article: article.has_prefix(field, value)
        case Prefix(field=field, value=value):
            return lambda article: any(found.startswith(value) for found in article.values(field))
        case Range(field=field, start=start, end=end):
            return lambda article: _within(article.document.times.get(field), start, end)
        case Exists(field="id"):
            return lambda _: True
        case Exists(field=field) if field in TEXTS:
            return lambda article: bool(article.tokens[field])
        case Exists(field=field):
            return lambda article: field in article.document.keywords or field in article.document.times
    raise TypeError(f"no node of a query: {node!r}")


def _cost(node: Node) -> int:
    return COST[type(node)]


def _within(at: int | None, start: int | None, end: int | None) -> bool:
    return at is not None and (start is None or start <= at) and (end is None or at < end)


def has_phrase(article: Prepared, field: str, words: Sequence[str]) -> bool:
    """Whether the words stand side by side in this order."""
    return any(True for _ in phrase_places(article, field, words))


def phrase_places(article: Prepared, field: str, words: Sequence[str]) -> list[int]:
    """Where the phrase begins, as numbers of words."""
    places = [article.places[field].get(word) for word in words]
    if not all(places):
        return []
    rarest = min(range(len(words)), key=lambda at: len(places[at] or ()))
    tokens, wanted = article.tokens[field], tuple(words)
    starts = [at - rarest for at in places[rarest] or ()]
    return [at for at in starts if at >= 0 and tokens[at : at + len(wanted)] == wanted]


def has_near(article: Prepared, field: str, words: Sequence[str], slop: int) -> bool:
    """Whether all the words stand in one window with at most `slop` others among them."""
    return near_window(article, field, words, slop) is not None


def near_window(article: Prepared, field: str, words: Sequence[str], slop: int) -> tuple[int, ...] | None:
    """The first window that holds all the words: the place of each, as numbers of words."""
    found = [article.places[field].get(word) for word in words]
    places = [list(known) for known in found if known]
    if len(places) < len(words):
        return None
    at = [0] * len(places)
    while True:
        current = tuple(known[place] for known, place in zip(places, at, strict=True))
        lowest = min(current)
        if max(current) - lowest + 1 <= len(words) + slop:
            return current
        first = current.index(lowest)
        at[first] += 1
        if at[first] == len(places[first]):
            return None
