"""Reading words fast gives the words that reading with their places gives."""

from hypothesis import given, settings
from hypothesis import strategies as st

from search.query import normalise

SIGNS = "aZ1_ \t\n\u00a0\u3000\u0085'’ʼ`´łéеѐ\u0301\u200d\u00ad制カ🙂👩\u0640סשָाะ½\u241e\ufe0fﬁ-.,"
pieces = st.one_of(
    st.text(SIGNS, max_size=12),
    st.text(max_size=6),
    st.sampled_from(
        ["l'accord", "O’Brien", "制裁解除", "x" * 80, "e\u0301" * 40, "dell'" * 10, "more-than-one", "..."]
    ),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(pieces, max_size=8), st.sampled_from(["", " ", "\n", "\u2028", "\u200b"]))
def test_the_words_of_a_text_are_those_of_its_tokens(parts, between):
    text = between.join(parts)
    assert normalise.words(text) == [token.word for token in normalise.tokens(text)]


def test_no_white_space_is_part_of_a_word():
    spaces = [chr(code) for code in range(0x110000) if chr(code).isspace()]
    assert len(spaces) > 20
    assert all(normalise.words(f"a{space}b") == ["a", "b"] for space in spaces)


def test_a_word_without_end_is_cut_and_the_next_is_read():
    assert normalise.words("x" * 100_000 + " next") == ["x" * normalise.LONGEST, "next"]
