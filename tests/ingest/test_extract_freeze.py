"""Text as it is frozen."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.extract.freeze import cut, freeze, one_line

ANY_TEXT = st.text(st.characters(), max_size=200)  # surrogates and controls among them


@given(ANY_TEXT)
@example("e\x00\u0301")  # what is taken out may let signs join that stood apart
@example("\ud83d\ude00")
@example("\r\x00\n")
def test_frozen_text_can_be_kept_anywhere_and_freezing_it_again_changes_nothing(text):
    frozen = freeze(text)
    frozen.encode("utf-8")
    assert unicodedata.is_normalized("NFC", frozen)
    assert {sign for sign in frozen if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")} <= {"\n", "\t"}
    assert freeze(frozen) == frozen


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=200))
def test_freezing_does_nothing_but_normalise_text_that_is_clean(text):
    assert freeze(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("sign", ["\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_kind_of_line_break_becomes_a_newline(sign):
    assert freeze(f"one{sign}two") == "one\ntwo"


def test_joiners_and_marks_of_direction_stay_for_they_are_part_of_words():
    persian, hebrew = "می\u200cخواهم", "\u200fשלום\u2069"
    assert freeze(persian) == persian
    assert freeze(hebrew) == hebrew


@given(ANY_TEXT)
def test_a_title_is_one_frozen_line(text):
    line = one_line(text, 20)
    assert len(line) <= 20
    assert line == freeze(line) == " ".join(line.split())


def test_a_text_over_the_limit_is_cut_at_the_end_of_a_word_and_it_says_so():
    assert cut("one two three", 13) == ("one two three", False)
    assert cut("one two three", 9) == ("one two", True)
    assert cut("x" * 20, 9) == ("x" * 9, True)
