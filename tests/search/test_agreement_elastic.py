"""A query finds the same articles in Elasticsearch, in the embedded index and in a watch."""

import itertools
import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from building import told, topic
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from index_kit import SERVERS, elastic, see
from test_agreement import articles, queries

from search.document import document
from search.index.embedded import EmbeddedIndex
from search.matching import Matcher
from search.query.parse import QueryRefused, parse
from search.query.tree import And, Node, Term
from search.query.words import written

pytestmark = pytest.mark.servers

numbers = itertools.count()
ON_A_SERVER = settings(
    max_examples=int(os.environ.get("TOCSIN_AGREEMENT_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # a round on a server is too slow to shrink by the thousand
)


def of(example, article):
    """The article with ids that no other example has, so that all examples can stand in one index."""
    enriched = article.enriched
    inner = replace(enriched.article, id=f"{example}-{enriched.article.id}", feed=example)
    return replace(article, enriched=replace(enriched, article=inner))


def within(example, tree: Node) -> Node:
    return And((Term("feed", example), tree))


def by_watches(documents, trees):
    matcher = Matcher()
    for name, tree in trees.items():
        matcher.put(name, tree)
    matched = {one.id: matcher.match(one) for one in documents}
    return {name: {found for found, names in matched.items() if name in names} for name in trees}


@pytest.mark.parametrize("kind", SERVERS)
def test_elasticsearch_the_embedded_index_and_the_watches_find_the_same(kind, tmp_path_factory):
    seen = Counter()

    @ON_A_SERVER
    @given(articles(), st.lists(queries, min_size=6, max_size=14))
    def agree(stock, asked):
        example = f"x{next(numbers)}"
        stock = [of(example, article) for article in stock]
        trees = {}
        for number, text in enumerate(asked):
            try:
                trees[f"w{number}"] = within(example, parse(text))
            except QueryRefused:
                seen["refused"] += 1
        expected = by_watches([document(article) for article in stock], trees)
        embedded = EmbeddedIndex(tmp_path_factory.mktemp("index") / "index.db")
        embedded.add(stock)
        remote.add(stock)
        see(remote)
        for name, tree in trees.items():
            found = {one.enriched.article.id for one in remote.search(tree).articles}
            assert found == expected[name], written(tree)
            assert embedded.ids(tree) == expected[name], written(tree)
            seen["asked"] += 1
            seen["found"] += bool(found)
            seen["some"] += 0 < len(found) < len(stock)
        assert remote.ids(Term("feed", example)) == {article.enriched.article.id for article in stock}
        embedded.close()

    with elastic(kind) as remote:
        agree()
    assert seen["found"] >= seen["asked"] / 3, seen
    assert seen["some"] >= seen["asked"] / 20, seen


# What the obvious choices did, see the regression cases of the prototype: each was a disagreement once.
NEAR = ["a b", "b a", "a x b", "b x a", "a x x b", "b x x a", "a a", "x a x", "a b a", "a c b", "c a b", "b c a"]
ODD = [
    "",
    " ",
    "\u00a0",
    "x" * 300,
    "a\u00a0b",
    "a\u3000b",
    "a\u2028b",
    "İ",
    "ß",
    "ﬁ",
    "e\u0301",
    "é",
    "\U0001fae8",
    "١٢",
]
WORDS = ["a_b", "日本", "й", "и", "Ꭰ", "ꭰ", "l'accord", "rock-n-roll", "U.S.", "👩\u200d👩\u200d👧", "हिन्दी", "ไทย"]
REGRESSION = [
    *(f'"{pair}"~{slop}' for pair in ("a b", "b a", "a b c", "c b a") for slop in (0, 1, 2, 3, 10)),
    '"a b"', '"b a"', '"a b a"', "title:*", "terms:*", "published:*", "NOT published:[2024 TO *]", "NOT title:*",
    "published:[* TO 1970}", "published:[1000 TO 1969-12-31]", "published:<1970", "published:>=9998", "published:9999",
    "published:2024-01-01", "published:<=2024-01-01", "published:>2024-01-01", "published:{2024-01-01 TO 2024-01-02]",
    "published:2024-01-01T12:00:00.001Z", "published:1969-12-31T23:59:59.999Z", "a OR (b AND c)", "a OR (-b)", "-a -b",
    "xx*", "pota*", "id:n1*", "source:é*", 'source:"\U0010ffff"', "type:copy OR type:withdrawn", "id:*", "copy:*", "*",
    "日本", "日*", '"日 本"', "accord", '"l accord"', "u.s.", "rock", "١٢", "12", "ss", "fi", "é", "й", "ꭰ", "👩",
    "हिन्दी",
    f"{'x' * 300}", f"{'x' * 64}", f"{'x' * 45}", "NOT (NOT (a))", "topic:sanctions AND NOT topic:sanctions.sure",
]  # fmt: skip


def regression_articles():
    moments = [
        datetime(1, 1, 1, tzinfo=UTC), datetime(999, 12, 31, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC),
        datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 12, 0, 0, 1_000, UTC), datetime(2024, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, tzinfo=UTC), None,
    ]  # fmt: skip
    texts = [*NEAR, *ODD, *WORDS, "potash potato", ""]
    return [
        told(
            f"n{number}",
            text=text,
            title=texts[-number - 1] if number % 3 else "",
            published=moments[number % len(moments)],
            source=["é", "É x", "\U0010ffff", "a\0b", ""][number % 5],
            copy_of="n0" if number % 4 == 1 else "",
            withdrawn=number % 7 == 0,
            topics=[topic(sure=number % 2 == 0)] if number % 3 == 0 else [],
        )
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("kind", SERVERS)
def test_every_disagreement_that_was_ever_found_is_gone(kind, tmp_path):
    stock = regression_articles()
    embedded = EmbeddedIndex(tmp_path / "index.db")
    embedded.add(stock)
    trees = {text: parse(text) for text in REGRESSION}
    expected = by_watches([document(article) for article in stock], trees)
    with elastic(kind) as remote:
        remote.add(stock)
        see(remote)
        for text, tree in trees.items():
            assert remote.ids(tree) == expected[text], text
            assert embedded.ids(tree) == expected[text], text
    embedded.close()
    assert sum(0 < len(found) < len(stock) for found in expected.values()) > len(REGRESSION) / 2


LARGE = [
    " OR ".join(f"w{number}" for number in range(4_900)),
    " OR ".join(f'"w{number} w{number + 1}"' for number in range(4_900)),
    " OR ".join(f"pre{number}*" for number in range(4_900)),
    " OR ".join(f"seen:{2000 + number // 300}-{number % 12 + 1:02}" for number in range(3_000)) + " OR w1",
    '"' + "w1 " * 50 + '"',
]


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("number", range(len(LARGE)))
def test_a_query_as_large_as_may_be_is_answered(kind, number):
    tree = parse(LARGE[number])
    with elastic(kind) as remote:
        remote.add([told("a", text="w1 w2 pre7x " + "w1 " * 60, seen=datetime(2026, 3, 2, tzinfo=UTC)), told("b")])
        see(remote)
        assert "a" in remote.ids(tree)


@pytest.mark.parametrize("kind", SERVERS)
def test_more_articles_than_a_server_gives_at_once_are_all_found(kind):
    stock = [told(f"a{number:05}", text="word", seen=datetime(2026, 3, 2, tzinfo=UTC)) for number in range(10_050)]
    with elastic(kind) as remote:
        remote.add(stock)
        see(remote)
        tree = parse("word")
        assert len(remote.ids(tree)) == 10_050
        page = remote.search(tree, limit=20, offset=10_040, order="oldest")
        assert [one.enriched.article.id for one in page.articles] == [
            f"a{number:05}" for number in range(10_040, 10_050)
        ]
        assert page.total == 10_050
        assert len(remote.search(tree, limit=10_045, order="newest").articles) == 10_045
        assert remote.search(tree, limit=5, offset=20_000).articles == ()
