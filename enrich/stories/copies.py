"""Sampled shingles -> the first article with the same text."""

from collections import Counter
from collections.abc import Iterable

LEAST_SHARED = 3  # sampled shingles
CONTAINMENT = 0.55  # of the shorter text
JACCARD = 0.15  # keeps a short text inside a long one apart
HEAVY_EDIT_JACCARD = 0.25  # a text of the same length with a fifth of its words changed
MOST_POSTINGS = 40  # articles a shingle: beyond, it is boilerplate


class Copies:
    """The texts of the last days, by their sampled shingles.

    Source of the rule and its thresholds: STORIES.md section 3 (27 of 28 copies, 1 wrong of 268).
    """

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._shingles: dict[str, tuple[int, ...]] = {}
        self._holders: dict[int, list[str]] = {}
        self.boilerplate = 0  # times that a shingle was too common to count

    def find(self, shingles: Iterable[int]) -> str:
        """The article whose text this one shares most, empty where none is near enough."""
        mine = set(shingles)
        shared: Counter[str] = Counter()
        for value in mine:
            holders = self._holders.get(value, ())
            if len(holders) > MOST_POSTINGS:
                self.boilerplate += 1
            else:
                shared.update(holders)
        best, name = 0.0, ""
        for other, count in shared.items():
            if count < LEAST_SHARED:
                continue
            contained = count / min(len(mine), self._sizes[other])
            jaccard = count / (len(mine) + self._sizes[other] - count)
            near = (contained >= CONTAINMENT and jaccard >= JACCARD) or jaccard >= HEAVY_EDIT_JACCARD
            if near and contained > best:
                best, name = contained, other
        return name

    def add(self, article: str, shingles: tuple[int, ...]) -> None:
        """Remembers a text; an article that is there already is replaced."""
        self.forget(article)
        self._sizes[article], self._shingles[article] = len(shingles), shingles
        for value in shingles:
            self._holders.setdefault(value, []).append(article)

    def forget(self, article: str) -> None:
        """Drops a text."""
        for value in self._shingles.pop(article, ()):
            holders = self._holders[value]
            holders.remove(article)
            if not holders:
                del self._holders[value]
        self._sizes.pop(article, None)
