"""Properties that hold for any text: exact surfaces, order, no overlap, one result, ids of one alphabet."""

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from names_kit import mentions, register

from enrich.entities.find import find

LANGUAGES = ["en", "ru", "pl", "de", "id", "zh", "ar", "tr", "fr", "nl", "und", "", "../x"]
NAMES = [
    "Minsk", "Лукашенко", "卢卡申科", "لوكاشينكو", "Christopher W. Smith", "Mr. Smith", "США", "Northern Bank (NB)",
    "Asia Bibi",    "O'Brien", "von der Leyen", "Kim Jong-un",
    "Universitas Jakarta", "Верховный суд", "Ministerstwo Spraw Zagranicznych",
]  # fmt: skip
GLUE = [" ", ". ", ", ", "\n", " - ", "-", " (", ") ", "’s ", "'", " and ", " и ", "。", "! ", ": ", "«", "»", "\u200c"]
anything = st.text(max_size=60)
pieces = st.lists(st.one_of(st.sampled_from(NAMES), st.sampled_from(GLUE), anything), max_size=30).map("".join)
scripts = st.text(alphabet=st.sampled_from("ABCDEzyxé АБВГДёжзи 北京大学ملدن'’-. \n()"), max_size=200)
texts = st.one_of(pieces, scripts)
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(title=texts, text=texts, language=st.sampled_from(LANGUAGES))
def test_mentions_are_exact_in_order_and_apart_on_any_text(title, text, language):
    found = find(title, text, language, register())
    fields = {"title": title, "text": text}
    ends = {"title": 0, "text": 0}
    assert [mention.field for mention in found] == sorted(
        (mention.field for mention in found), key=["title", "text"].index
    )
    for mention in found:
        assert mention.surface == fields[mention.field][mention.start : mention.end]
        assert ends[mention.field] <= mention.start < mention.end
        ends[mention.field] = mention.end
        assert re.fullmatch(r"Q[0-9]+|gn-[0-9]+|x-[a-z0-9-]+", mention.id)
        assert mention.name
        assert mention.rule


@quick
@given(text=texts, language=st.sampled_from(LANGUAGES))
def test_the_same_text_says_the_same_twice(text, language):
    assert mentions(text, language) == mentions(text, language)


@quick
@given(text=st.text(alphabet=st.characters(), max_size=200))
def test_no_text_makes_it_fail_even_with_lone_surrogates(text):
    for language in ("en", "ru", "de", "id"):
        mentions(text, language)


@pytest.mark.parametrize(
    ("language", "piece"),
    [
        ("en", "Bank Northern Harbour (NHB) said Smith. "),
        ("de", "Herr Imhof Gerold Imhof "),
        ("ru", "Азия Норин и Банк Севера "),
        ("id", "Universitas Jakarta Kota Baru "),
        ("en", "A’s'"),
        ("zh", "卢卡申"),
    ],
)
def test_time_grows_with_the_length_only(language, piece):
    def seconds(times):
        text = piece * times
        began = time.process_time()
        mentions(text, language)
        return time.process_time() - began

    seconds(50)
    assert seconds(1600) < 16 * (seconds(200) + 0.02)
