"""The matcher against a reference model that tries every query word by word."""

from itertools import combinations, product

import pytest
from building import mention, told, topic
from hypothesis import given, settings
from hypothesis import strategies as st

from search.document import Document, document
from search.matching import Matcher
from search.query import normalise
from search.query.parse import parse
from search.query.predicate import Prepared, predicate
from search.query.tree import All, And, Exists, Near, Not, Or, Phrase, Prefix, Range, Term, both, either

WORDS = ["aa", "ab", "ba", "bab", "c"]
KEYWORDS = {"entity": ["Q1", "Q2", "gn-1"], "topic": ["sanctions", "sanctions.eased"], "language": ["en", "ru"]}
TEXTS = ["terms", "title_terms"]


def matches(tree, found):
    """Whether the document matches: the language as it is written, with nothing clever."""
    match tree:
        case All():
            return True
        case And(kids=kids):
            return all(matches(kid, found) for kid in kids)
        case Or(kids=kids):
            return any(matches(kid, found) for kid in kids)
        case Not(kid=kid):
            return not matches(kid, found)
        case Term(field=field, value=value):
            return value in values(field, found)
        case Prefix(field=field, value=value):
            return any(held.startswith(value) for held in values(field, found))
        case Exists(field=field):
            return bool(values(field, found)) or field in found.times
        case Range(field=field, start=start, end=end):
            at = found.times.get(field)
            return at is not None and (start is None or at >= start) and (end is None or at < end)
        case Phrase(field=field, words=words):
            held = values(field, found)
            return any(held[at : at + len(words)] == words for at in range(len(held)))
        case Near(field=field, words=words, slop=slop):
            held = values(field, found)
            places = product(*([at for at, word in enumerate(held) if word == wanted] for wanted in words))
            return any(max(chosen) - min(chosen) < len(words) + slop for chosen in places)
    raise TypeError(tree)


def values(field, found):
    if field in TEXTS:
        return getattr(found, field)
    return (found.id,) if field == "id" else tuple(found.keywords.get(field, ()))


@st.composite
def documents(draw):
    title, text = draw(st.lists(st.sampled_from(WORDS), max_size=3)), draw(st.lists(st.sampled_from(WORDS), max_size=6))
    keywords = {field: draw(st.frozensets(st.sampled_from(known))) for field, known in KEYWORDS.items()}
    published = draw(st.none() | st.integers(0, 5))
    return Document(
        id=draw(st.sampled_from(["a1", "a2", "b"])),
        revision=1,
        terms=(*title, *([normalise.GAP] * 11 if title and text else ()), *text),
        title_terms=tuple(title),
        keywords={field: held for field, held in keywords.items() if held},
        times={"seen": draw(st.integers(0, 5))} | ({} if published is None else {"published": published}),
    )


text_field, moment = st.sampled_from(TEXTS), st.none() | st.integers(0, 5)
word = st.sampled_from(WORDS)
leaves = st.one_of(
    st.builds(Term, text_field, word),
    st.sampled_from([Term(field, value) for field, known in KEYWORDS.items() for value in known]),
    st.sampled_from([Term("id", "a1"), Prefix("id", "a"), Prefix("entity", "Q"), Prefix("topic", "sanctions.")]),
    st.builds(Prefix, text_field, st.sampled_from(["aa", "b", "ba", "zz"])),
    st.builds(Phrase, text_field, st.lists(word, min_size=2, max_size=3).map(tuple)),
    st.builds(Near, text_field, st.lists(word, min_size=2, max_size=3, unique=True).map(tuple), st.integers(0, 2)),
    st.builds(Range, st.sampled_from(["seen", "published"]), moment, moment),
    st.sampled_from(["id", "terms", "title_terms", "entity", "published"]).map(Exists),
    st.just(All()),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(both),
        st.lists(inner, min_size=2, max_size=3).map(either),
        inner.map(Not),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(trees, min_size=1, max_size=12), st.lists(documents(), min_size=1, max_size=4))
def test_the_matcher_finds_what_trying_every_query_finds(asked, stock):
    matcher = Matcher()
    for number, tree in enumerate(asked):
        matcher.put(f"w{number:02}", tree)
    for each in stock:
        expected = [f"w{number:02}" for number, tree in enumerate(asked) if matches(tree, each)]
        assert matcher.match(each) == expected
        assert [f"w{number:02}" for number, tree in enumerate(asked) if predicate(tree)(Prepared(each))] == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.none() | trees), max_size=14), documents())
def test_a_matcher_that_changed_is_like_one_that_never_held_anything_else(steps, found):
    changed, now = Matcher(), {}
    for watch, tree in steps:
        if tree is None:
            changed.drop(watch)
            now.pop(watch, None)
        else:
            changed.put(watch, tree)
            now[watch] = tree
    fresh = Matcher()
    for watch, tree in now.items():
        fresh.put(watch, tree)
    assert changed.match(found) == fresh.match(found)
    assert set(changed.candidates(Prepared(found))) == set(fresh.candidates(Prepared(found)))
    assert (len(changed), changed.broad) == (len(fresh), fresh.broad)


NEWS = document(
    told(
        title="From Minsk",
        text="Three prisoners were freed and sanctions on potash were eased",
        topics=[topic("sanctions.eased")],
        entities=[mention("Minsk")],
    )
)


def tried(*queries):
    """The queries that the matcher tries on the news."""
    matcher = Matcher()
    written = {}
    for query in queries:
        tree = parse(query)
        written[tree] = query
        matcher.put(query, tree)
    found = matcher.candidates(Prepared(NEWS))
    assert len(found) == len(set(found))
    return {written[tree] for tree in found}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("potash AND prisoners", True),
        ("topic:sanctions.eased AND entity:Q184", True),
        ("topic:sanctions.eased AND entity:Q999", False),
        ("(entity:Q999 OR entity:Q998) AND language:en", False),
        ('"sanctions on potash"', True),
        ('"potash sanctions"', False),
        ('"prisoners sanctions"~9', True),
        ("pot*", True),
        ("pott*", False),
        ("* AND NOT topic:sanctions", False),
        ("NOT (entity:Q1 OR entity:Q184)", False),
        ('-"were eased" -ferry', False),
        ("-ferry", True),
        ("seen:[2030-01-01 TO *]", True),
    ],
)
def test_only_queries_with_a_chance_are_tried(query, expected):
    assert tried(query) == ({query} if expected else set())


def test_of_very_many_watches_on_one_topic_only_those_on_an_entity_of_the_article_are_tried():
    queries = [f"topic:sanctions.eased AND entity:Q{number}" for number in range(180, 380)]
    assert tried(*queries) == {"topic:sanctions.eased AND entity:Q184"}


def test_what_is_common_is_told_by_those_who_count():
    matcher = Matcher(frequency=lambda field, value: {"Q184": 900.0}.get(value, 1.0))
    matcher.put("w", parse("entity:Q184 AND ferry"))
    assert matcher.candidates(Prepared(NEWS)) == []
    matcher.put("w", parse("entity:Q184 AND potash"))
    assert matcher.match(NEWS) == ["w"]


def test_watches_with_equal_queries_are_tried_once_and_all_match():
    matcher = Matcher()
    for watch in ("later", "first", "other"):
        matcher.put(watch, parse("potash AND freed"))
    assert len(matcher.candidates(Prepared(NEWS))) == 1
    assert matcher.match(NEWS) == ["first", "later", "other"]
    matcher.drop("first")
    assert matcher.match(NEWS) == ["later", "other"]


def test_a_watch_matches_by_its_newest_query_alone():
    matcher = Matcher()
    matcher.put("w", parse("potash"))
    matcher.put("w", parse("ferry"))
    assert matcher.match(NEWS) == []
    assert len(matcher) == 1


def test_a_beginning_is_still_looked_for_when_another_of_its_length_is_dropped():
    matcher = Matcher()
    for query in ("pot*", "fre*", "min*"):
        matcher.put(query, parse(query))
    matcher.drop("fre*")
    assert matcher.match(NEWS) == ["min*", "pot*"]


def test_nothing_is_left_of_watches_that_were_dropped():
    matcher = Matcher()
    queries = ("potash", "pot*", '"were eased"', "NOT potash AND NOT copy:*", "seen:2026", "entity:Q1 OR title:minsk")
    for query in queries:
        matcher.put(query, parse(query))
    for query in queries:
        matcher.drop(query)
    assert [name for name, held in vars(matcher).items() if not callable(held) and held] == []


def test_dropping_a_watch_that_is_not_there_is_no_error():
    matcher = Matcher()
    matcher.drop("w")
    assert len(matcher) == 0


def test_a_phrase_of_the_last_word_of_the_title_and_the_first_of_the_text_is_none():
    matcher = Matcher()
    for watch, query in {"across": '"minsk three"', "title": '"from minsk"', "text": '"three prisoners"'}.items():
        matcher.put(watch, parse(query))
    assert matcher.match(NEWS) == ["text", "title"]


def test_the_reference_model_and_the_matcher_agree_on_every_pair_of_negations():
    parts = [Term("entity", "Q184"), Term("terms", "ferry"), Phrase("terms", ("were", "freed")), Exists("copy")]
    matcher, expected = Matcher(), []
    for one, other in combinations([*parts, *map(Not, parts)], 2):
        for shape in (both, either):
            for tree in (shape([one, other]), Not(shape([one, other])), both([All(), Not(shape([one, Not(other)]))])):
                matcher.put(str(tree), tree)
                if matches(tree, NEWS):
                    expected.append(str(tree))
    assert matcher.match(NEWS) == sorted(set(expected))
