from building import link, mention, told, topic
from hypothesis import given, settings
from hypothesis import strategies as st

from search.query.explain import explain, leaves, passages
from search.query.parse import parse

TEXT = "Envoys came to Minsk.\nThree prisoners were freed on Monday. In return, Washington offered to ease sanctions."


def article():
    return told(
        title="Freed in Minsk",
        text=TEXT,
        topics=[
            topic("prisoners.released", text=TEXT, words="prisoners were freed", number=3),
            topic("sanctions.eased", "proposed", text=TEXT, words="ease sanctions", cue="offered"),
        ],
        entities=[mention("Minsk", text=TEXT)],
        links=[link(text=TEXT, words="In return")],
    )


def test_each_part_shows_the_words_that_made_it_true():
    why = explain(
        parse("topic:prisoners.released.fact AND topic:sanctions.eased AND entity:Q184 AND link:in-exchange"), article()
    )
    assert (why.says, why.true) == ("AND", True)
    assert [(leaf.part, leaf.evidence[0].words) for leaf in leaves(why)] == [
        (1, "prisoners were freed"),
        (2, "ease sanctions"),
        (3, "Minsk"),
        (4, "In return"),
    ]
    assert why.kids[1].evidence[0].note == "proposed: “offered”; rule rule, pack en@test"


def test_a_part_that_is_false_says_so_and_shows_nothing():
    why = explain(parse("topic:sanctions.eased.fact OR prison*"), article())
    assert [(kid.true, len(kid.evidence)) for kid in why.kids] == [(False, 0), (True, 1)]
    assert why.kids[1].evidence[0].words == "prisoners"


def test_words_phrases_and_near_are_marked_where_they_stand():
    text = article().enriched.article.text
    for query, words in [
        ("FREED", ["Freed"]),
        ('"three prisoners"', ["Three prisoners"]),
        ('"freed prisoners"~1', ["prisoners", "freed"]),
        ("title:minsk", ["Minsk"]),
        ("text", []),
    ]:
        why = explain(parse(query), article())
        assert [found.words for found in why.evidence][:2] == words, query
        for found in why.evidence:
            assert (text if found.field == "text" else "Freed in Minsk")[found.start : found.end] == found.words


def test_the_passage_with_most_parts_comes_first_with_its_marks():
    why = explain(parse("topic:prisoners.released AND topic:sanctions.eased AND washington"), article())
    first, *_ = passages(why, article())
    marked = {(mark.part, first.text[mark.start : mark.end]) for mark in first.marks}
    assert marked == {(1, "prisoners were freed"), (2, "ease sanctions"), (3, "Washington")}


def test_what_stands_below_a_not_is_no_evidence():
    why = explain(parse("minsk AND NOT football"), article())
    assert [leaf.says for leaf in leaves(why)] == ["minsk"]


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=60), st.text(max_size=60), st.sampled_from(["ab*", "b", '"a b"', '"a b"~3', "title:a", "1 OR é"])
)
def test_evidence_is_always_the_text_between_its_places(title, text, query):
    # Texts that reach here are frozen: no surrogates and no control characters but newline and tab.
    title, text = (part.encode("utf-8", "ignore").decode().replace("\0", "") + " a b abc" for part in (title, text))
    found = told(title=title, text=text)
    why = explain(parse(query), found)
    for leaf in leaves(why):
        for evidence in leaf.evidence:
            source = title if evidence.field == "title" else text
            assert source[evidence.start : evidence.end] == evidence.words
    for passage in passages(why, found):
        source = title if passage.field == "title" else text
        assert source[passage.start : passage.start + len(passage.text)] == passage.text
        assert all(0 <= mark.start < mark.end <= len(passage.text) for mark in passage.marks)
