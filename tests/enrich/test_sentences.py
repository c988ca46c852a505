import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.sentences import sentences


def split(text, language=""):
    return [text[start:end] for start, end in sentences(text, language)]


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("en", "He met Mr. Smith. They left.", ["He met Mr. Smith.", "They left."]),
        ("en", "“Why?” she asked. No answer.", ["“Why?” she asked.", "No answer."]),
        ("en", "It cost 3.5 million. Who paid?", ["It cost 3.5 million.", "Who paid?"]),
        ("ru", "Это было в г. Минске. Потом уехали.", ["Это было в г. Минске.", "Потом уехали."]),
        ("ru", "Так было в 1899 г. Потом уехали.", ["Так было в 1899 г.", "Потом уехали."]),
        ("pl", "Spotkał się z gen. Nowakiem. Wyjechał.", ["Spotkał się z gen. Nowakiem.", "Wyjechał."]),
        ("de", "Am 5. Mai kam er. Er blieb.", ["Am 5. Mai kam er.", "Er blieb."]),
        ("cs", "Přijel 5. Května večer. Odjel.", ["Přijel 5. Května večer.", "Odjel."]),
        ("zh", "三人获释。他们回家了！", ["三人获释。", "他们回家了！"]),
        ("ar", "من هو؟ لا أعرف.", ["من هو؟", "لا أعرف."]),
        ("id", "Kata Prof. Hadi, sudah. Selesai.", ["Kata Prof. Hadi, sudah.", "Selesai."]),
        ("en", "A title\nA text", ["A title", "A text"]),
        ("en", "", []),
        ("en", " \n ", []),
    ],
)
def test_a_text_parts_where_its_sentences_end(language, text, wanted):
    assert split(text, language) == wanted


@settings(max_examples=120, deadline=None)
@given(st.text(alphabet=st.sampled_from("aB. !?»“\n。2г"), max_size=80), st.sampled_from(["", "en", "ru", "cs"]))
def test_sentences_stand_in_order_apart_and_hold_every_sign_but_space(text, language):
    before = 0
    for start, end in sentences(text, language):
        assert before <= start < end
        assert not text[before:start].strip()
        before = end
    assert not text[before:].strip()
