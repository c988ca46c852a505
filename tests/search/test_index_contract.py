"""What every index can do, whatever it stands on: one set of tests, each adapter."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from building import NOON, link, mention, told, topic
from index_kit import ADAPTERS, adapter, elastic, empty, put, see

from search.query.parse import parse
from search.query.tree import All

pytestmark = pytest.mark.servers

DAY = timedelta(days=1)


@pytest.fixture(params=ADAPTERS)
def index(request, tmp_path, emptied):
    if request.param == "embedded":
        with adapter("embedded", tmp_path) as made:
            yield made
    else:
        yield emptied(request.param)


@pytest.fixture(scope="module")
def emptied():
    """Gives the empty index of a server: made once, for that takes seconds, and emptied for each test."""
    with ExitStack() as stack:
        kept = {}

        def give(kind):
            if kind not in kept:
                kept[kind] = stack.enter_context(elastic(kind))
            else:
                empty(kept[kind])
            return kept[kind]

        yield give


def ids(index, query="*"):
    return index.ids(parse(query))


def revisions(index):
    return {one.enriched.article.id: one.enriched.article.revision for one in index.search(All()).articles}


def test_an_article_comes_back_as_it_was_put(index):
    text = "Three prisoners were freed\nfor relief. \U0001f642 \U0010ffff"
    full = told(
        "full", title="От Минска", text=text, source="The Outlet", published=NOON - DAY, new=("first telling",),
        topics=[topic("prisoners.released", text=text, words="freed", number=3, cue="were"), topic()],
        entities=[mention("Minsk", text=text)], links=[link()], flags=("paywalled",), copy_of="a0",
    )  # fmt: skip
    put(index, full, told("bare"))
    assert {one.enriched.article.id: one for one in index.search(All()).articles} == {
        "full": full,
        "bare": told("bare"),
    }


def test_an_older_revision_never_replaces_a_newer_one(index):
    put(index, told("a", text="second", revision=2))
    put(index, told("a", text="first", revision=1))
    assert ids(index, "second") == {"a"}
    assert ids(index, "first") == set()


def test_the_same_revision_replaces_itself(index):
    put(index, told("a", text="before", story="s1"))
    put(index, told("a", text="after", story="s2"))
    assert (ids(index, "before"), ids(index, "after AND story:s2")) == (set(), {"a"})
    assert index.search(All()).total == 1


def test_the_newest_revision_of_one_batch_stays(index):
    put(index, told("a", text="second", revision=2), told("b"), told("a", text="first", revision=1))
    assert revisions(index) == {"a": 2, "b": 1}


def test_a_later_revision_takes_the_article_to_another_month_and_stands_once(index):
    put(index, told("a", text="january", seen=datetime(2026, 1, 31, 23, tzinfo=UTC)))
    put(index, told("a", text="march", seen=datetime(2026, 3, 2, tzinfo=UTC), revision=2))
    assert index.search(All()).total == 1
    assert (ids(index, "january"), ids(index, "march seen:2026-03")) == (set(), {"a"})


def test_a_later_revision_that_comes_at_once_stands_once(index):
    index.add([told("a", text="january", seen=datetime(2026, 1, 31, 23, tzinfo=UTC))])
    index.add([told("a", text="march", seen=datetime(2026, 3, 2, tzinfo=UTC), revision=2)])
    see(index)
    assert (index.search(All()).total, ids(index, "march")) == (1, {"a"})


def test_a_withdrawn_article_is_found_as_such(index):
    put(index, told("a", text="words"))
    put(index, told("a", text="words", withdrawn=True))
    assert ids(index, "type:withdrawn") == {"a"}


def test_pages_follow_on_each_other_and_ties_go_by_id(index):
    put(
        index,
        *(
            told(f"a{number}", seen=NOON + timedelta(milliseconds=number // 3))
            for number in (5, 3, 8, 0, 1, 7, 2, 6, 4)
        ),
    )
    oldest = [f"a{number}" for number in range(9)]
    for order, expected in (("oldest", oldest), ("newest", oldest[::-1])):
        pages = [index.search(All(), limit=4, offset=offset, order=order) for offset in (0, 4, 8, 12)]
        assert [one.enriched.article.id for page in pages for one in page.articles] == expected
        assert {page.total for page in pages} == {9}


def test_days_count_articles_and_stories(index):
    first = datetime(2025, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    put(
        index, told("a", seen=first, story="s1"), told("b", seen=first + timedelta(milliseconds=1), story="s1"),
        told("c", seen=NOON, story="s2"), told("d", seen=NOON, story="s2"),
        told("e", seen=NOON, story="s3", language="ru"),
    )  # fmt: skip
    assert index.per_day(All()) == [("2025-12-31", 1, 1), ("2026-01-01", 1, 1), ("2026-03-02", 3, 2)]
    assert index.per_day(parse("language:ru")) == [("2026-03-02", 1, 1)]
    assert index.per_day(parse("language:fr")) == []


def test_forms_of_a_word_come_with_their_counts_commonest_first(index):
    put(
        index,
        told("a", text="potash potato potato", title="Potash"),
        told("b", text="potash санкции санкция"),
        told("c", text="pots"),
    )
    assert index.forms("pota") == [("potash", 2), ("potato", 1)]
    assert index.forms("POT", limit=2) == [("potash", 2), ("potato", 1)]
    assert index.forms("санкц") == [("санкции", 1), ("санкция", 1)]
    assert index.forms("nothing") == index.forms("...") == []


def test_what_came_before_is_removed_and_counted(index):
    january, march = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
    put(index, told("a", seen=january), told("b", seen=march), told("c", seen=march + DAY), told("d", seen=january))
    put(index, told("d", seen=march + DAY, revision=2))
    assert index.remove_before(round((march + DAY).timestamp() * 1000)) == 2
    see(index)
    assert ids(index) == {"c", "d"}
    assert index.remove_before(round((march + 9 * DAY).timestamp() * 1000)) == 2
    see(index)
    assert ids(index) == set()
    put(index, told("e", seen=january), told("f", seen=march))
    assert ids(index) == {"e", "f"}


def test_a_replaced_article_can_come_again_after_it_was_removed(index):
    put(index, told("a", revision=3))
    index.remove_before(round((NOON + DAY).timestamp() * 1000))
    put(index, told("a", revision=3))
    assert revisions(index) == {"a": 3}


def test_very_long_words_texts_and_keywords_are_taken(index):
    words = "й" * 70 + " " + "\U0001f642" * 300 + " " + "x" * 40_000
    put(index, told("a", title=words, text=words * 10, source="s" * 50_000, url="https://news.example/" + "u" * 60_000))
    assert ids(index, f"{'x' * 64} AND source:{'s' * 200} AND {'й' * 64}") == {"a"}


def test_an_index_without_articles_finds_nothing(index):
    assert ids(index) == set()
    assert index.search(All()).total == 0
    assert index.per_day(All()) == []
    assert index.remove_before(10**12) == 0
    index.add([])
