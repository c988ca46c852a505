"""What every index can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from enrich.article import ToldArticle
from search.query.tree import Node

Order = Literal["newest", "oldest"]  # by `seen`


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of what a query found, and how many there are in all."""

    articles: tuple[ToldArticle, ...]
    total: int


class Index(Protocol):
    """Articles by id in their newest revision. Safe to share between threads."""

    def check(self) -> None:
        """Whether it can be used at all; asked once, at start.

        Raises: Retry if it is away; Abort if it is missing or of another version.
        """

    def add(self, articles: Sequence[ToldArticle]) -> None:
        """Adds or replaces; an older revision never replaces a newer one. Durable when it returns."""

    def search(self, tree: Node, *, limit: int = 50, offset: int = 0, order: Order = "newest") -> Found:
        """The articles that match, by `seen`; of those that came in the same ms, by id."""

    def ids(self, tree: Node) -> set[str]:
        """The ids of all articles that match."""

    def per_day(self, tree: Node) -> list[tuple[str, int, int]]:
        """(day of arrival, articles, stories) for every day with a match, in order."""

    def forms(self, prefix: str, limit: int = 20) -> list[tuple[str, int]]:
        """Words that begin so and the number of articles with each, commonest first."""

    def remove_before(self, seen_ms: int) -> int:
        """Drops articles that arrived before; gives how many."""
