"""Watches' queries and one document -> the watches that it matches, found from the terms that they require."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain

from search.document import Document
from search.query.predicate import Predicate, Prepared, predicate
from search.query.tree import TEXTS, And, Near, Node, Or, Phrase, Prefix, Term

Key = tuple[str, str]  # field and value; the field of a prefix ends in *
Alternatives = frozenset[Key]  # one of them stands in every match
RARE_WORD, COMMON_KEYWORD = 1.0, 20.0


class Matcher:
    """Holds many queries and finds those that match a document without trying all.

    Each query is kept under the cheapest set of terms of which every match holds one; a query without such a set is
    broad and tried every time. Equal queries are tried once. Not safe to change while matching.
    """

    def __init__(self, frequency: Callable[[str, str], float] | None = None) -> None:
        """`frequency(field, value)` is how common a value is, e.g. the share of articles that hold it, times 1,000."""
        self._frequency = frequency or _guess
        self._watches: dict[Node, set[str]] = {}
        self._tree_of: dict[str, Node] = {}
        self._test: dict[Node, Predicate] = {}
        self._keys: dict[Node, Alternatives | None] = {}
        self._by_key: dict[Key, set[Node]] = {}
        self._prefix_lengths: Counter[tuple[str, int]] = Counter()
        self._broad: set[Node] = set()

    def __len__(self) -> int:
        return len(self._tree_of)

    @property
    def broad(self) -> int:
        """Different queries that are tried on every document."""
        return len(self._broad)

    def put(self, watch: str, tree: Node) -> None:
        """Adds a watch or changes its query."""
        self.drop(watch)
        self._tree_of[watch] = tree
        if tree in self._watches:
            self._watches[tree].add(watch)
            return
        self._watches[tree] = {watch}
        self._test[tree] = predicate(tree)
        keys = self._keys[tree] = cheapest(tree, self._frequency)[0]
        if keys is None:
            self._broad.add(tree)
        for key in keys or ():
            self._by_key.setdefault(key, set()).add(tree)
            if key[0].endswith("*"):
                self._prefix_lengths[key[0], len(key[1])] += 1

    def drop(self, watch: str) -> None:
        """Takes a watch out; one that is not there is no error."""
        tree = self._tree_of.pop(watch, None)
        if tree is None:
            return
        self._watches[tree].discard(watch)
        if self._watches[tree]:
            return
        del self._watches[tree], self._test[tree]
        self._broad.discard(tree)
        for key in self._keys.pop(tree) or ():
            self._by_key[key].discard(tree)
            if not self._by_key[key]:
                del self._by_key[key]
            if key[0].endswith("*"):
                self._prefix_lengths[key[0], len(key[1])] -= 1

    def match(self, document: Document) -> list[str]:
        """The watches that the document matches, in the order of their ids."""
        prepared = Prepared(document)
        found = (self._watches[tree] for tree in self.candidates(prepared) if self._test[tree](prepared))
        return sorted(chain.from_iterable(found))

    def candidates(self, prepared: Prepared) -> set[Node]:
        """The queries worth trying on a document."""
        found = set(self._broad)
        for key in self._keys_of(prepared):
            trees = self._by_key.get(key)
            if trees is not None:
                found |= trees
        return found

    def _keys_of(self, prepared: Prepared) -> Iterable[Key]:
        for field in TEXTS:
            for word in prepared.places[field]:
                yield field, word
        for field, values in prepared.document.keywords.items():
            for value in values:
                yield field, value
        yield "id", prepared.document.id
        for (field, length), count in self._prefix_lengths.items():
            if count:
                plain = field.rstrip("*")
                held = prepared.places[plain] if plain in TEXTS else prepared.values(plain)
                for start in {value[:length] for value in held if len(value) >= length}:
                    yield field, start


def cheapest(node: Node, cost: Callable[[str, str], float]) -> tuple[Alternatives | None, float]:
    """The cheapest set of keys of which every match holds one, and its cost; None where there is no such set."""
    match node:
        case Term(field=field, value=value):
            return frozenset({(field, value)}), cost(field, value)
        case Phrase(field=field, words=words) | Near(field=field, words=words):
            word = min(words, key=lambda word: cost(field, word))
            return frozenset({(field, word)}), cost(field, word)
        case Prefix(field=field, value=value) if field != "id":
            return frozenset({(f"{field}*", value)}), 500 * 0.25 ** min(len(value), 6) + cost(field, value)
        case And(kids=kids):
            found = [pair for kid in kids if (pair := cheapest(kid, cost))[0] is not None]
            return min(found, key=lambda pair: pair[1]) if found else (None, 0.0)
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
