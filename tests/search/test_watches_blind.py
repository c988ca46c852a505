import pytest

from enrich.topics.packs import TopicPacks
from search.query.parse import parse
from search.watches.blind import blind_spots


@pytest.fixture(scope="module")
def packs():
    return TopicPacks.load()


def test_a_watch_on_words_and_names_has_no_blind_spot(packs):
    assert blind_spots(parse("potash AND entity:Q184 AND NOT topic:sanctions"), packs) == ""


def test_a_watch_on_events_names_the_languages_that_see_them(packs):
    said = blind_spots(parse("topic:prisoners.released.fact AND topic:sanctions.eased AND link:in-exchange"), packs)
    seeing = said.partition(".")[0].removeprefix("It sees its events in ").split(", ")
    assert {"en", "id", "ru", "pl", "de", "fr"} <= set(seeing)
    assert "fa" not in seeing
    assert said.endswith("In any other language it cannot ring, whatever happens.")


def test_what_a_small_pack_cannot_see_is_said_for_its_language(packs):
    said = blind_spots(parse("topic:talks.planned.lead"), packs)
    blind = [code for code in packs.languages if not packs.language(code).sees("talks.planned")]
    assert blind
    assert f"In {', '.join(sorted(blind))} it cannot see talks.planned." in said
