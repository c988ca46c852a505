import doctest
import tomllib

import pytest
from building import NOON

from enrich.article import MODALITY_GROUP
from search import gloss as module
from search.alert import Said, Telling
from search.gloss import DATA, gloss, languages, phrase, words_of

TABLES = tomllib.loads(DATA.read_text(encoding="utf-8"))


def said(topic="prisoners.released", modality="done", **more):
    values = {"sure": True, "salience": "lead", "confidence": 0.9, "matched": True}
    return Said(topic=topic, modality=modality, **{**values, **more})


def telling(*events, article="a", exchanges=(), **more):
    return Telling(
        article=article, revision=1, url="", title=f"Headline {article}", source="", feed="", language="id",
        origin="live", published=None, seen=NOON, said=events, exchanges=exchanges, **more,
    )  # fmt: skip


RELEASE = said(number=3, actor_name="Belarus")
RELIEF = said("sanctions.eased", "proposed", actor_name="United States")


def test_the_examples_in_the_docs_hold():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Belarus: three prisoners released ⇄ United States: sanctions eased (proposed)"),
        ("id", "Belarus: tiga tahanan dibebaskan ⇄ United States: sanksi dilonggarkan (ditawarkan)"),
        ("ru", "Belarus: освобождение заключённых: 3 ⇄ United States: смягчение санкций (предложено)"),
        ("pl", "Belarus: uwolnienie więźniów: 3 ⇄ United States: złagodzenie sankcji (propozycja)"),
        ("de", "Belarus: drei Gefangene freigelassen ⇄ United States: Sanktionen gelockert (angeboten)"),
        ("fr", "Belarus: trois prisonniers libérés ⇄ United States: sanctions allégées (proposé)"),
        ("xx", "Belarus: three prisoners released ⇄ United States: sanctions eased (proposed)"),
    ],
)
def test_a_release_for_relief_reads_in_the_desks_language(language, line):
    assert gloss([telling(RELEASE, RELIEF, exchanges=((0, 1),))], language) == line


@pytest.mark.parametrize("language", sorted(TABLES))
def test_every_language_has_words_for_every_topic_and_modality(language):
    assert TABLES[language]["topics"].keys() == TABLES["en"]["topics"].keys()
    assert TABLES[language]["modalities"].keys() == MODALITY_GROUP.keys()
    assert all(form.removesuffix(".one") in TABLES["en"]["topics"] for form in TABLES[language]["counted"])


def test_the_six_languages_of_the_first_packs_are_there():
    assert languages() == ["de", "en", "fr", "id", "pl", "ru"]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (said(number=1), "One prisoner released"),
        (said(number=40), "40 prisoners released"),
        (said(number=0), "0 prisoners released"),
        (said("talks.planned", number=2), "Talks planned"),
        (said(modality="refused", actor_name="Court"), "Court: prisoners released (refused)"),
        (said(sure=False), "Prisoners released (unconfirmed)"),
        (said(modality="promised", sure=False), "Prisoners released (promised, unconfirmed)"),
        (said("sanctions.eased", actor_name="A", target_name="B"), "A → B: sanctions eased"),
        (said("sanctions.eased", target_name="B"), "→ B: sanctions eased"),
        (said("border-trade.re-opened"), "Border trade re opened"),
    ],
)
def test_one_event_is_told_in_a_few_words(event, line):
    assert phrase(event, words_of("en")) == line


def test_the_firmest_telling_speaks_and_withdrawn_ones_do_not():
    firm = telling(said("sanctions.eased", "done"), article="b")
    assert gloss([telling(RELIEF), firm]) == "Sanctions eased"
    gone = telling(said("sanctions.eased", "done"), article="b", withdrawn=True)
    assert gloss([telling(RELIEF), gone]) == "United States: sanctions eased (proposed)"
    assert gloss([gone]) == "Sanctions eased"


def test_events_that_did_not_match_are_left_out():
    assert gloss([telling(RELEASE, said("protest.strike", matched=False))]) == "Belarus: three prisoners released"


def test_without_an_event_the_first_headline_stands():
    assert gloss([telling(), telling(article="b")]) == "Headline a"
    assert gloss([]) == ""
