import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.language import detect

TEXTS = {
    "en": "Belarus released three political prisoners on Monday after talks with envoys from the United States.",
    "ru": "Белоруссия освободила троих политических заключённых после переговоров с посланниками США.",
    "uk": "Білорусь звільнила трьох політичних в'язнів після переговорів із посланцями Сполучених Штатів.",
    "be": "Беларусь вызваліла трох палітычных зняволеных пасля перамоваў з пасланнікамі Злучаных Штатаў.",
    "pl": "Białoruś uwolniła trzech więźniów politycznych po rozmowach z wysłannikami Stanów Zjednoczonych.",
    "de": "Belarus hat nach Gesprächen mit Gesandten der USA drei politische Gefangene freigelassen.",
    "fr": "La Biélorussie a libéré trois prisonniers politiques après des entretiens avec des émissaires américains.",
    "id": "Belarus membebaskan tiga tahanan politik setelah bertemu utusan Amerika, karena sanksi bisa dicabut.",
    "ms": "Belarus membebaskan tiga tahanan politik kerana rundingan dengan utusan, kata beliau semalam.",
    "cs": "Bělorusko propustilo tři politické vězně po jednání s vyslanci Spojených států.",
    "bg": "Беларус освободи трима политически затворници след разговори с пратеници на Съединените щати.",
    "sl": "Belorusija je po pogovorih z odposlanci Združenih držav izpustila tri politične zapornike.",
    "tr": "Belarus, ABD temsilcileriyle yapılan görüşmelerin ardından üç siyasi tutukluyu serbest bıraktı.",
    "ar": "أفرجت بيلاروسيا عن ثلاثة سجناء سياسيين بعد محادثات مع مبعوثين من الولايات المتحدة.",
    "fa": "بلاروس پس از گفتگو با فرستادگان آمریکا سه زندانی سیاسی را آزاد کرد.",
    "zh": "白俄罗斯在与美国特使会谈后释放了三名政治犯。",
    "es": "Bielorrusia liberó a tres presos políticos tras conversaciones con enviados de Estados Unidos.",
}


@pytest.mark.parametrize(("code", "text"), TEXTS.items())
def test_a_sentence_tells_its_language_against_what_the_page_declares(code, text):
    found = detect("", text, "en" if code != "en" else "ru")
    assert (found.code, found.source) == (code, "text")
    assert 0.5 < found.score <= 1


def test_the_title_counts_where_there_is_no_text():
    assert detect(TEXTS["pl"], "", "").code == "pl"


@pytest.mark.parametrize(
    ("declared", "code"),
    [("pl-PL", "pl"), ("in", "id"), ("iw", "he"), ("zh-Hant-TW", "zh"), ("rus", "ru"), ("EN_us", "en")],
)
def test_where_there_are_no_words_what_is_declared_counts_as_iso_code(declared, code):
    found = detect("12:30", "", declared)
    assert (found.code, found.source) == (code, "declared")


@pytest.mark.parametrize("declared", ["", "english", "x", "12", "und", "xx", "<b>"])
def test_nothing_to_tell_from_is_und(declared):
    assert detect("", "", declared).code == "und"


def test_a_name_alone_is_of_the_declared_language():
    assert detect("Lukashenko", "", "pl").code == "pl"


def test_what_lies_beyond_the_first_thousand_characters_does_not_count():
    assert detect("", TEXTS["en"] * 11 + TEXTS["ru"] * 100, "").code == "en"


@settings(max_examples=100, deadline=None)
@given(title=st.text(max_size=30), text=st.text(alphabet=st.characters(), max_size=200), declared=st.text(max_size=8))
def test_any_text_has_a_code_of_two_letters_or_und(title, text, declared):
    found = detect(title, text, declared)
    assert re.fullmatch(r"[a-z]{2}|und", found.code)
    assert 0 <= found.score <= 1
    assert found.source in ("text", "declared")
