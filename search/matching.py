"""Watches' queries and one document -> the watches that it matches, found from the terms that they require."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain, pairwise

from search.document import Document
from search.query.predicate import Key, Predicate, Prepared, beyond, forbidden, predicate
from search.query.tree import TEXTS, And, Near, Node, Or, Phrase, Prefix, Term

Alternatives = frozenset[Key]  # one of them stands in every match; the field of a prefix ends in *
RARE_WORD, COMMON_KEYWORD = 1.0, 20.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kept:
    """One query. Its own identity is its hash: that of a tree is counted anew from every leaf at every look."""

    tree: Node
    matches: Predicate  # of a broad one: where the document holds no key that is barred
    keys: Alternatives | None
    barred: frozenset[Key]  # of a broad one: keys that no match holds
    watches: set[str] = field(default_factory=set)


class Matcher:
    """Holds many queries and finds those that match a document without trying all.

    Each query is kept under the cheapest set of terms of which every match holds one. A query without such a set is
    broad: it is tried unless the document holds a term that it excludes outright. Equal queries are tried once. Not
    safe to change while matching.
    """

    def __init__(self, frequency: Callable[[str, str], float] | None = None) -> None:
        """`frequency(field, value)` is how common a value is, e.g. the share of articles that hold it, times 1,000."""
        self._frequency = frequency or _guess
        self._kept: dict[Node, _Kept] = {}
        self._of_watch: dict[str, _Kept] = {}
        self._by_key: dict[Key, set[_Kept]] = {}
        self._broad: set[_Kept] = set()
        self._barred: dict[Key, set[_Kept]] = {}  # of the broad ones
        self._prefix_lengths: Counter[tuple[str, int]] = Counter()

    def __len__(self) -> int:
        return len(self._of_watch)

    @property
    def broad(self) -> int:
        """Different queries without a term that every match holds."""
        return len(self._broad)

    def put(self, watch: str, tree: Node) -> None:
        """Adds a watch or changes its query."""
        self.drop(watch)
        kept = self._kept.get(tree)
        if kept is None:
            keys = cheapest(tree, self._frequency)[0]
            barred = forbidden(tree) if keys is None else frozenset()
            matches = predicate(beyond(tree) if keys is None else tree)
            kept = self._kept[tree] = _Kept(tree=tree, matches=matches, keys=keys, barred=barred)
            self._file(kept)
        kept.watches.add(watch)
        self._of_watch[watch] = kept

    def drop(self, watch: str) -> None:
        """Takes a watch out; one that is not there is no error."""
        kept = self._of_watch.pop(watch, None)
        if kept is None:
            return
        kept.watches.discard(watch)
        if not kept.watches:
            del self._kept[kept.tree]
            self._unfile(kept)

    def _file(self, kept: _Kept) -> None:
        if kept.keys is None:
            self._broad.add(kept)
        for key in kept.barred:
            self._barred.setdefault(key, set()).add(kept)
        for key in kept.keys or ():
            self._by_key.setdefault(key, set()).add(kept)
            if key[0].endswith("*"):
                self._prefix_lengths[key[0], len(key[1])] += 1

    def _unfile(self, kept: _Kept) -> None:
        self._broad.discard(kept)
        for key in kept.barred:
            _take(self._barred, key, kept)
        for key in kept.keys or ():
            _take(self._by_key, key, kept)
            if key[0].endswith("*"):
                self._prefix_lengths -= Counter([(key[0], len(key[1]))])  # which forgets what comes to nothing

    def match(self, document: Document) -> list[str]:
        """The watches that the document matches, in the order of their ids."""
        prepared = Prepared(document)
        found = (kept.watches for kept in self._tempting(prepared) if kept.matches(prepared))
        return sorted(chain.from_iterable(found))

    def candidates(self, prepared: Prepared) -> list[Node]:
        """The queries worth trying on a document, each once, in no order."""
        return [kept.tree for kept in self._tempting(prepared)]

    def _tempting(self, prepared: Prepared) -> set[_Kept]:
        found, nothing = set(self._broad), set[_Kept]()
        for key in self._barred.keys() & prepared.held:
            found -= self._barred[key]
        for key in chain(self._by_key.keys() & prepared.held, self._beginnings(prepared)):
            found |= self._by_key.get(key, nothing)
        return found

    def _beginnings(self, prepared: Prepared) -> Iterable[Key]:
        """The beginnings of the document's words and keywords, as long as those that queries ask for."""
        for starred, length in self._prefix_lengths:
            plain = starred.rstrip("*")
            held = prepared.words[plain] if plain in TEXTS else prepared.values(plain)
            for start in {value[:length] for value in held if len(value) >= length}:
                yield starred, start


def _take(index: dict[Key, set[_Kept]], key: Key, kept: _Kept) -> None:
    index[key].discard(kept)
    if not index[key]:
        del index[key]


def cheapest(node: Node, cost: Callable[[str, str], float]) -> tuple[Alternatives | None, float]:
    """The cheapest set of keys of which every match holds one, and its cost; None where there is no such set."""
    match node:
        case Term(field=field, value=value):
            return frozenset({(field, value)}), cost(field, value)
        case Phrase(field=field, words=words):
            price, pair = min((min(cost(field, word) for word in pair), pair) for pair in pairwise(words))
            return frozenset({(field, *pair)}), price / 2  # side by side they are rarer than the rarer of them
        case Near(field=field, words=words):
            word = min(words, key=lambda word: cost(field, word))
            return frozenset({(field, word)}), cost(field, word)
        case Prefix(field=field, value=value) if field != "id":
            return frozenset({(f"{field}*", value)}), 500 * 0.25 ** min(len(value), 6) + cost(field, value)
        case And(kids=kids):
            found = [priced for kid in kids if (priced := cheapest(kid, cost))[0] is not None]
            return min(found, key=lambda priced: priced[1]) if found else (None, 0.0)
        case Or(kids=kids):
            sets = [cheapest(kid, cost) for kid in kids]
            if any(keys is None for keys, _ in sets):
                return None, 0.0
            return frozenset(chain.from_iterable(keys or () for keys, _ in sets)), sum(price for _, price in sets)
    return None, 0.0


def _guess(field: str, value: str) -> float:
    """Without counts: short words and the broad keywords are common, long words and ids are rare."""
    if field in TEXTS:
        return RARE_WORD + 60 * 0.5 ** min(len(value), 8)
    if field in ("entity", "story", "id", "copy", "actor", "target", "link"):
        return 1.0 + value.count(".") * -0.2
    return COMMON_KEYWORD if field in ("language", "type") else 8.0 / (1 + value.count("."))
