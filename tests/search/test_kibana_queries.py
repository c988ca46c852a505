"""`tocsin kibana query`: the string finds in Kibana's query bar what the query finds everywhere else."""

import itertools
from collections import Counter

import pytest
from building import told
from hypothesis import given
from hypothesis import strategies as st
from index_kit import elastic, put
from kibana_kit import found, found_each
from test_agreement import articles, queries
from test_agreement_elastic import LARGE, ON_A_SERVER, REGRESSION, by_watches, of, regression_articles

from search.document import document
from search.kibana.lucene import lucene
from search.query.parse import QueryRefused, parse
from search.query.words import written

pytestmark = pytest.mark.servers

SERVERS = ("elasticsearch9", "elasticsearch8")
numbers = itertools.count()


@pytest.fixture(scope="module", params=SERVERS)
def remote(request):
    """One index for all: its making takes seconds. Each test asks for the articles of its own feed."""
    with elastic(request.param) as made:
        yield made


def test_kibana_finds_what_the_watches_match(remote):
    seen = Counter()

    @ON_A_SERVER
    @given(articles(), st.lists(queries, min_size=6, max_size=14))
    def agree(stock, asked):
        example = f"k{next(numbers)}"
        stock = [of(example, article) for article in stock]
        trees, strings = {}, {}
        for number, text in enumerate(asked):
            try:
                tree = parse(text)
                trees[f"w{number}"], strings[f"w{number}"] = tree, lucene(tree)
            except QueryRefused:
                seen["refused"] += 1
        expected = by_watches([document(article) for article in stock], trees)
        put(remote, *stock)
        for (name, string), ids in zip(
            strings.items(), found_each(remote, strings.values(), feed=example), strict=True
        ):
            assert ids == expected[name], (written(trees[name]), string)
            seen["asked"] += 1
            seen["found"] += bool(ids)
            seen["some"] += 0 < len(ids) < len(stock)

    agree()
    assert seen["found"] >= seen["asked"] / 4, seen
    assert seen["some"] >= seen["asked"] / 50, seen  # some articles of an example, and not all
    assert seen["asked"] > seen["refused"], seen


def test_every_disagreement_that_was_ever_found_is_gone_in_kibana_too(remote):
    stock = [of("regression", article) for article in regression_articles()]
    trees = {text: parse(text) for text in REGRESSION}
    expected = by_watches([document(article) for article in stock], trees)
    put(remote, *stock)
    strings = {text: lucene(tree) for text, tree in trees.items()}
    each = found_each(remote, strings.values(), feed="regression")
    for (text, string), ids in zip(strings.items(), each, strict=True):
        assert ids == expected[text], (text, string)


def test_four_words_near_one_another_are_found_in_every_order(remote):
    orders = list(itertools.permutations(["one", "two", "three", "four"]))
    stock = [
        told(f"o{at}-{gap}", text=" ".join(order[:2] + ("x",) * gap + order[2:]), feed="orders")
        for at, order in enumerate(orders)
        for gap in (0, 2, 3)
    ]
    query = parse('"one two three four"~2')
    put(remote, *stock)
    expected = {f"o{at}-{gap}" for at in range(len(orders)) for gap in (0, 2)}
    assert found(remote, lucene(query), feed="orders") == expected
    assert remote.ids(parse('feed:orders "one two three four"~2')) == expected


@pytest.mark.parametrize("number", range(len(LARGE)))
def test_a_query_as_large_as_may_be_is_answered_in_kibana_too(number, remote):
    put(remote, told("large", text="w1 w2 pre7x " + "w1 " * 60, feed="large"), told("small", feed="large"))
    assert found(remote, lucene(parse(LARGE[number])), feed="large") == {"large"}


def test_what_cannot_be_said_in_kibana_is_refused_with_what_to_do():
    with pytest.raises(QueryRefused, match=r"cannot be said in Kibana: at most 4 words .* use `tocsin find`"):
        lucene(parse('sanctions AND NOT "a b c d e"~2'))
