import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.tokens import fold, tokens


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("en", "O'Brien’s well-known co-op", ["O'Brien’s", "well", "known", "co", "op"]),
        ("fr", "l'Ukraine d’aujourd'hui", ["l", "Ukraine", "d", "aujourd", "hui"]),
        ("zh", "三人 met明", ["三", "人", "met", "明"]),
        ("ar", "خامنه‌ای", ["خامنه‌ای"]),
        ("tr", "Minsk'te", ["Minsk'te"]),
        ("", "", []),
    ],
)
def test_words_are_parted_as_the_language_writes_them(language, text, wanted):
    assert tokens(text, language).word == wanted


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ёлка", "елка"), ("O’Brien", "O'Brien"), ("İstanbul", "istanbul"), ("أحمد", "احمد"), ("STRASSE", "straße")],
)
def test_spellings_that_mean_one_word_fold_to_one(one, other):
    assert fold(one) == fold(other)


@settings(max_examples=120, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=120), st.sampled_from(["", "en", "fr", "zh"]))
def test_every_word_is_exact_in_order_and_inside_its_sentence(text, language):
    found = tokens(text, language)
    before = 0
    for start, end, word, sentence in zip(found.start, found.end, found.word, found.sentence, strict=True):
        assert text[start:end] == word
        assert before <= start < end
        first, last = found.sentences[sentence]
        assert first <= start < last
        before = end


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(word):
    assert fold(fold(word)) == fold(word)
