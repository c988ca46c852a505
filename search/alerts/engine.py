"""The query language as alerts use it: which watches match an article, and why."""

from collections.abc import Iterable

from enrich.article import ToldArticle
from search.alert import Passage, Why
from search.document import document
from search.matching import Matcher
from search.query.explain import explain, passages
from search.query.parse import parse
from search.query.tree import Node
from search.watch import Watch

MOST_TREES = 4096


class Engine:
    """Matches and explains; parsed queries are kept. `keep` and `match` are for one thread, the others for any."""

    def __init__(self, matcher: Matcher | None = None) -> None:
        self._matcher = matcher or Matcher()
        self._in_force: dict[str, str] = {}  # watch -> query
        self._trees: dict[str, Node] = {}

    def keep(self, watches: Iterable[Watch]) -> None:
        """From now on these are in force, those of them that are switched on.

        Raises: ValueError if a query is not in the query language.
        """
        wanted = {watch.id: watch.query for watch in watches if watch.enabled}
        changed = {name: parse(query) for name, query in wanted.items() if self._in_force.get(name) != query}
        for gone in self._in_force.keys() - wanted.keys():
            self._matcher.drop(gone)
        for name, tree in changed.items():
            self._matcher.put(name, tree)
        self._in_force = wanted

    def match(self, told: ToldArticle) -> list[str]:
        """Ids of the watches in force that match."""
        return self._matcher.match(document(told))

    def explain(self, query: str, told: ToldArticle) -> Why:
        """`query` over the article.

        Raises: ValueError if it is not in the query language.
        """
        tree = self._trees.get(query)
        if tree is None:
            if len(self._trees) >= MOST_TREES:
                self._trees.clear()
            tree = self._trees[query] = parse(query)
        return explain(tree, told)

    def passages(self, why: Why, told: ToldArticle, limit: int) -> tuple[Passage, ...]:
        """The sentences that made it true, the telling ones first."""
        return passages(why, told, limit)
