"""A query's tree -> a closure that says whether a document matches, cheapest part first."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, reduce
from itertools import islice, repeat
from math import inf, nan

from search.document import Document
from search.query.tree import TEXTS, All, And, Exists, Near, Node, Not, Or, Phrase, Prefix, Range, Term, both

Key = tuple[str, ...]  # a field and its value; or a field of words and two words that stand side by side in it
NONE: frozenset[Key] = frozenset()
COST = {All: 0, Exists: 1, Term: 1, Range: 1, Prefix: 4, Phrase: 6, Near: 8, And: 5, Or: 5, Not: 3}


class Prepared:
    """A document with the look-ups that predicates need; made once, matched many times."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.times = document.times
        self.tokens: Mapping[str, tuple[str, ...]] = {"terms": document.terms, "title_terms": document.title_terms}
        self.words = {field: frozenset(tokens) for field, tokens in self.tokens.items()}
        # Every key of the document in one set: sets are compared without a step of Python for each key.
        self.held: set[Key] = {("id", document.id)}
        for field, values in (*document.keywords.items(), *self.words.items()):
            self.held.update(zip(repeat(field), values))
        for field, tokens in self.tokens.items():
            self.held.update(zip(repeat(field), tokens, islice(tokens, 1, None)))
        self._sorted: dict[str, list[str]] = {}

    @cached_property
    def places(self) -> dict[str, dict[str, list[int]]]:
        """By field and word, where the word stands, as numbers of words."""
        found: dict[str, dict[str, list[int]]] = {field: {} for field in TEXTS}
        for field, places in found.items():
            for at, word in enumerate(self.tokens[field]):
                places.setdefault(word, []).append(at)
        return found

    def has_prefix(self, field: str, prefix: str) -> bool:
        words = self._sorted.get(field)
        if words is None:
            words = self._sorted[field] = sorted(self.words[field])
        at = bisect_left(words, prefix)
        return at < len(words) and words[at].startswith(prefix)

    def values(self, field: str) -> frozenset[str]:
        return self.document.keywords.get(field, frozenset())


Predicate = Callable[[Prepared], bool]


def predicate(node: Node) -> Predicate:
    """Whether a document matches `node`."""
    if key := key_of(node):
        return lambda article: key in article.held
    match node:
        case And():
            return _all_of(_parts(node))
        case Or():
            return _any_of(_alternatives(node))
        case Not(kid=kid):
            inner = predicate(kid)
            return lambda article: not inner(article)
        case Phrase(field=field, words=words):
            return lambda article: has_phrase(article, field, words)
        case Near(field=field, words=words, slop=slop):
            return lambda article: has_near(article, field, words, slop)
        case _:
            return _rest(node)


def key_of(node: Node) -> Key | None:
    """The key that a document holds if and only if it matches `node`; None where there is no such key."""
    match node:
        case Term(field=field, value=value):
            return field, value
        case Phrase(field=field, words=(first, second)):
            return field, first, second
    return None


def required(node: Node) -> frozenset[Key]:
    """Keys that every match holds, each of them."""
    match node:
        case Term(field=field, value=value):
            return frozenset({(field, value)})
        case Phrase(field=field, words=words):
            return frozenset(zip(repeat(field), words, words[1:]))
        case Near(field=field, words=words):
            return frozenset(zip(repeat(field), words))
        case And(kids=kids):
            return NONE.union(*map(required, kids))
        case Or(kids=kids):
            return reduce(frozenset.intersection, map(required, kids))
    return NONE


def forbidden(node: Node) -> frozenset[Key]:
    """Keys that no match holds, not one of them."""
    match node:
        case Not(kid=kid):
            return sufficient(kid)
        case And(kids=kids):
            return NONE.union(*map(forbidden, kids))
        case Or(kids=kids):
            return reduce(frozenset.intersection, map(forbidden, kids))
    return NONE


def sufficient(node: Node) -> frozenset[Key]:
    """Keys of which one is enough for a match."""
    if key := key_of(node):
        return frozenset({key})
    match node:
        case Not(kid=kid):
            return forbidden(kid)
        case Or(kids=kids):
            return NONE.union(*map(sufficient, kids))
        case And(kids=kids):
            return reduce(frozenset.intersection, map(sufficient, kids))
    return NONE


def beyond(node: Node) -> Node:
    """What is left to ask of a document that is known to hold none of `forbidden(node)`."""
    left = [kid for kid in (node.kids if isinstance(node, And) else (node,)) if not _only_forbids(kid)]
    return both(left) if left else All()


def _only_forbids(node: Node) -> bool:
    """Whether `forbidden` says all that `node` does."""
    if not isinstance(node, Not):
        return False
    kids = node.kid.kids if isinstance(node.kid, Or) else (node.kid,)
    return all(key_of(kid) for kid in kids)


def _parts(node: And) -> list[Predicate]:
    """Predicates that are true together if and only if `node` is; what sets of keys can tell comes first."""
    needed, barred = required(node), forbidden(node)
    parts: list[Predicate] = []
    if needed and barred:
        parts.append(lambda article: needed <= article.held and barred.isdisjoint(article.held))
    elif needed:
        parts.append(lambda article: needed <= article.held)
    elif barred:
        parts.append(lambda article: barred.isdisjoint(article.held))
    rest = [kid for kid in node.kids if not (key_of(kid) or isinstance(kid, All) or _only_forbids(kid))]
    return parts + [predicate(kid) for kid in sorted(rest, key=_cost)]


def _alternatives(node: Or) -> list[Predicate]:
    """Predicates of which one is true if and only if `node` is; what sets of keys can tell comes first."""
    enough = frozenset(key for kid in node.kids if (key := key_of(kid)))
    parts: list[Predicate] = [lambda article: not enough.isdisjoint(article.held)] if enough else []
    return parts + [predicate(kid) for kid in sorted(node.kids, key=_cost) if not key_of(kid)]


def _all_of(parts: Sequence[Predicate]) -> Predicate:
    """Two and three are written out: a loop takes twice as long."""
    match parts:
        case []:
            return _always
        case [first]:
            return first
        case [first, second]:
            return lambda article: first(article) and second(article)
        case [first, second, third]:
            return lambda article: first(article) and second(article) and third(article)
    return lambda article: all(part(article) for part in parts)


def _any_of(parts: Sequence[Predicate]) -> Predicate:
    match parts:
        case [first]:
            return first
        case [first, second]:
            return lambda article: first(article) or second(article)
    return lambda article: any(part(article) for part in parts)


def _always(_: Prepared) -> bool:
    return True


def _rest(node: Node) -> Predicate:
    match node:
        case All() | Exists(field="id"):
            return _always
        case Prefix(field="id", value=value):
            return lambda article: article.document.id.startswith(value)
        case Prefix(field=field, value=value) if field in TEXTS:
            return lambda article: article.has_prefix(field, value)
        case Prefix(field=field, value=value):
            return lambda article: any(found.startswith(value) for found in article.values(field))
        case Range(field=field, start=start, end=end):
            low, high = -inf if start is None else start, inf if end is None else end
            return lambda article: low <= article.times.get(field, nan) < high  # nan lies in no range
        case Exists(field=field) if field in TEXTS:
            return lambda article: bool(article.tokens[field])
        case Exists(field=field):
            return lambda article: field in article.document.keywords or field in article.times
    raise TypeError(f"no node of a query: {node!r}")


def _cost(node: Node) -> int:
    return COST[type(node)]


def has_phrase(article: Prepared, field: str, words: Sequence[str]) -> bool:
    """Whether the words stand side by side in this order."""
    return bool(phrase_places(article, field, words))


def phrase_places(article: Prepared, field: str, words: Sequence[str]) -> list[int]:
    """Where the phrase begins, as numbers of words."""
    if not article.words[field].issuperset(words):
        return []
    places = [article.places[field][word] for word in words]
    rarest = min(range(len(words)), key=lambda at: len(places[at]))
    tokens, wanted = article.tokens[field], tuple(words)
    starts = [at - rarest for at in places[rarest]]
    return [at for at in starts if at >= 0 and tokens[at : at + len(wanted)] == wanted]


def has_near(article: Prepared, field: str, words: Sequence[str], slop: int) -> bool:
    """Whether all the words stand in one window with at most `slop` others among them."""
    return near_window(article, field, words, slop) is not None


def near_window(article: Prepared, field: str, words: Sequence[str], slop: int) -> tuple[int, ...] | None:
    """The first window that holds all the words: the place of each, as numbers of words."""
    if not article.words[field].issuperset(words):
        return None
    places = [article.places[field][word] for word in words]
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
