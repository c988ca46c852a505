import re

import pytest

from enrich.entities import packs
from enrich.entities.grammar import grammar
from enrich.entities.register import packs_folder
from enrich.entities.skeleton import name_id, skeleton, slug_id
from enrich.entities.stems import bases, candidates, likeliest_base

LANGUAGES = sorted(path.stem for path in (packs_folder() / "grammar").glob("*.toml") if path.stem != "common")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_grammar_can_be_read_and_is_one_object(language):
    assert grammar(language).known
    assert grammar(language) is grammar(language)


def test_a_language_without_a_grammar_has_the_common_words():
    assert not grammar("nl").known
    assert "van" in grammar("nl").particles


@pytest.mark.parametrize("code", ["common", "", "../en", "EN"])
def test_no_code_reaches_a_file_that_is_no_language(code):
    assert not grammar(code).known


def test_a_grammar_with_an_unknown_key_says_so(tmp_path):
    (tmp_path / "common.toml").write_text('particles = "von"\n', encoding="utf-8")
    (tmp_path / "xx.toml").write_text('titels = "herr"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="titels"):
        grammar("xx", tmp_path)


def test_a_row_with_too_many_columns_says_file_and_line(tmp_path):
    (tmp_path / "people.tsv").write_text("# head\n-\t\tA\tb\tc\td\n", encoding="utf-8")
    with pytest.raises(packs.PackError, match=r"people\.tsv:2: 6 columns"):
        list(packs.people(tmp_path))


def test_a_type_that_is_none_says_what_to_write(tmp_path):
    (tmp_path / "organisations.tsv").write_text("-\tcompany\tA\t\n", encoding="utf-8")
    with pytest.raises(packs.PackError, match="write organisation, product or event"):
        list(packs.organisations(tmp_path))


@pytest.mark.parametrize("read", [packs.people, packs.organisations, packs.places])
def test_no_two_rows_have_one_id(read):
    rows = {alias.known.id: alias.known for alias in read(packs_folder())}
    again = {alias.known.name: alias.known.id for alias in read(packs_folder())}
    assert len(rows) == len(again)


@pytest.mark.parametrize("file", ["people.tsv", "organisations.tsv", "places.tsv", "countries.tsv", "regions.tsv"])
def test_an_id_is_a_wikidata_id_a_town_or_left_open(file):
    column = 1 if file in ("countries.tsv", "regions.tsv") else 0
    width = {"people.tsv": 4, "organisations.tsv": 4, "places.tsv": 3, "countries.tsv": 4, "regions.tsv": 4}[file]
    for row in packs.rows(packs_folder() / file, width):
        assert re.fullmatch(r"Q[1-9][0-9]*|gn-[1-9][0-9]*|-", row[column]), row


@pytest.mark.parametrize(
    ("language", "nominative", "form"),
    [
        ("ru", "лукашенко", "лукашенко"), ("ru", "минск", "минске"), ("ru", "путин", "путиным"),
        ("pl", "łukaszenka", "łukaszenki"), ("pl", "białoruś", "białorusi"), ("pl", "litwa", "litwie"),
        ("cs", "praha", "praze"), ("cs", "pavel", "pavla"), ("uk", "київ", "києва"), ("uk", "прага", "празі"),
        ("de", "lukaschenko", "lukaschenkos"), ("bg", "българия", "българия"), ("sl", "ljubljana", "ljubljani"),
    ],
)  # fmt: skip
def test_a_nominative_and_its_form_share_a_stem(language, nominative, form):
    assert set(bases(nominative)) & set(candidates(form, grammar(language)))


def test_an_arabic_clitic_is_taken_off():
    assert "لوكاشينكو" in candidates("ولوكاشينكو", grammar("ar"))


def test_capitals_alone_lose_no_ending():
    assert likeliest_base("НАБУ", "набу", grammar("ru")) == "набу"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("johnson", "джонсон"),
        ("juncker", "юнкер"),
        ("kaczyński", "качиньский"),
        ("smith", "смит"),
        ("christopher", "кристофер"),
    ],
)
def test_spellings_of_a_name_share_their_skeleton(one, other):
    assert skeleton(one)
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize("stems", [["a"], ["北"], ["ʻ"], ["🙂"], ["ü", "ß"], ["NABU"], ["x" * 500], [""]])
def test_any_stems_make_an_id_of_the_agreed_alphabet(stems):
    assert re.fullmatch(r"x-[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", name_id(stems, person=False))
    assert name_id(stems, person=False) == name_id(list(stems), person=False)


def test_an_id_of_a_pack_is_its_name_in_plain_letters():
    assert slug_id("Łukasz Świętoń, Jr.") == "x-lukasz-swieton-jr"
