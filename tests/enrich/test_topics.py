"""What a topic carries: modality, one tag for one event, evidence, parties, numbers, links."""

from time import process_time
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich.article import Mention, Topic
from enrich.topics.packs import TopicPacks
from enrich.topics.tell import Told, tell

PACKS = TopicPacks.load()
YEAR = 2026
Kind = Literal["person", "place", "organisation", "product", "event", "other"]


def said(text: str, language: str = "en", title: str = "", mentions: tuple[Mention, ...] = ()) -> Told:
    return tell(title, text, language, mentions, PACKS, year=YEAR)


def modalities(text: str, language: str = "en") -> dict[str, str]:
    return {topic.topic: topic.modality for topic in said(text, language).topics}


def only(text: str, topic: str, language: str = "en", **more: Any) -> Topic:
    (found,) = [one for one in said(text, language, **more).topics if one.topic == topic]
    return found


def name(text: str, surface: str, *, entity: str, kind: Kind = "place", weak: bool = False) -> Mention:
    start = text.index(surface)
    return Mention(
        id=entity, name=surface, type=kind, field="text", start=start, end=start + len(surface), surface=surface,
        rule="known", pack="test", weak=weak,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "They promised to free him once sanctions are lifted."),
        ("id", "Mereka berjanji membebaskannya jika sanksi dicabut."),
        ("ru", "Они обещали освободить его, если санкции снимут."),
        ("pl", "Obiecali go uwolnić, jeśli sankcje zostaną zniesione."),
        ("de", "Sie versprachen, ihn freizulassen, wenn die Sanktionen aufgehoben werden."),
        ("fr", "Ils ont promis de le libérer si les sanctions sont levées."),
    ],
)
def test_each_act_has_the_modality_of_its_own_clause_and_a_condition_ties_the_two(language: str, text: str) -> None:
    told = said(text, language)

    assert modalities(text, language) == {"prisoners.released": "promised", "sanctions.eased": "hypothetical"}
    assert [(link.from_topic, link.to_topic, link.rule) for link in told.links] == [(0, 1, "condition")]


@pytest.mark.parametrize(
    ("text", "modality"),
    [
        ("Officials said on Monday that the ministry will never lift sanctions.", "refused"),
        ("The ministry has denied that it will lift the sanctions next week.", "denied"),
        ("The senators urged the president to promise to lift sanctions.", "demanded"),
        ("If the envoy decides to lift sanctions, trade will grow.", "hypothetical"),
        ("The embassy did not deny that it had lifted the sanctions.", "uncertain"),
        ("In 2008 the council lifted the sanctions.", "historical"),
        ("In 2026 the council lifted the sanctions.", "done"),
        ("The council lifted the sanctions in 1998, as archives show.", "historical"),
        ("The ministry is still lifting the sanctions.", "ongoing"),
        ("The council agreed to lift the sanctions.", "promised"),
    ],
)
def test_a_cue_of_denial_refusal_demand_or_condition_is_never_overruled(text: str, modality: str) -> None:
    assert modalities(text)["sanctions.eased"] == modality


@pytest.mark.parametrize(
    ("language", "text", "modality"),
    [
        ("en", "The lifting of sanctions was put to the council.", "uncertain"),
        ("en", "Traders welcomed the lifting of sanctions.", "done"),
        ("ru", "Когда санкции будут ослаблены, неясно.", "hypothetical"),
        ("de", "Washington lockerte die Sanktionen gegen die Banken nicht.", "denied"),
        ("de", "Die Ministerin schließt eine Lockerung der Sanktionen nicht aus.", "proposed"),
        ("fr", "Les États-Unis lèveront les sanctions en mars.", "promised"),
        ("tr", "ABD yaptırımları kaldırmadı.", "denied"),
        ("zh", "如果解除制裁,价格会下跌。", "hypothetical"),
    ],
)
def test_the_form_of_an_act_and_its_place_count(language: str, text: str, modality: str) -> None:
    assert modalities(text, language)["sanctions.eased"] == modality


def test_a_title_without_a_cue_announces_and_a_text_does_not() -> None:
    assert only("", "sanctions.eased", title="Washington to ease sanctions on potash").modality == "promised"
    assert only("A letter to ease sanctions came.", "sanctions.eased").modality == "uncertain"


def test_who_denies_a_release_does_not_deny_that_people_are_held() -> None:
    said = modalities("The ministry denied that the release of eleven detained sailors was near.")

    assert said == {"prisoners.released": "denied", "detention.arrested": "done"}


def test_a_demand_not_refused_by_the_act_of_another_clause_stays_with_its_own() -> None:
    said = modalities("Protesters demanding the release of students were arrested by police.")

    assert said == {"prisoners.released": "demanded", "detention.arrested": "done"}


def test_a_conflict_of_cues_is_uncertain_and_never_sure() -> None:
    topic = only("Envoys demanded that the council not lift the sanctions.", "sanctions.eased")

    assert topic.modality == "uncertain"
    assert not topic.sure


def test_one_event_is_one_topic_with_all_its_mentions() -> None:
    text = (
        "Belarus freed three prisoners on Monday. The release of the prisoners was a first step. "
        "The three men were freed at noon."
    )
    topic = only(text, "prisoners.released", title="Three prisoners freed")

    assert len(topic.mentions) == 4
    assert (topic.mentions[0].field, topic.mentions[0].start) == (topic.field, topic.start)
    assert topic.salience == "lead"
    assert topic.sure


def test_a_promise_beside_a_fact_is_a_topic_of_its_own() -> None:
    text = "Minsk freed three prisoners on Monday. It promised to free forty more prisoners in spring."

    assert {(one.modality, one.number) for one in said(text).topics} == {("done", 3), ("promised", 40)}


def test_what_comes_late_is_part_and_what_is_history_is_background() -> None:
    weather = "Rain fell on the coast. Ferries were late. The pier was closed. "

    assert only(weather + "Police arrested two men in the harbour.", "detention.arrested").salience == "part"
    assert only(weather + "In 1998 police arrested two men here.", "detention.arrested").salience == "background"


def test_words_of_another_domain_lower_the_confidence() -> None:
    plain = only("Police arrested the man. Rain fell. Ferries were late.", "detention.arrested")
    sport = only("Police arrested the man. The match went on. The coach was calm.", "detention.arrested")

    assert sport.confidence < plain.confidence


def test_the_evidence_says_where_by_which_rule_and_in_which_pack() -> None:
    text = "Rain fell. The Treasury promised on Friday to lift its sanctions on two banks."
    topic = only(text, "sanctions.eased")

    assert topic.cue is not None
    assert text[topic.start : topic.end] == "lift its sanctions"
    assert text[slice(*topic.sentence)].startswith("The Treasury")
    assert text[slice(*topic.cue)].startswith("promised")
    assert topic.rule == "ease-sanction"
    pack = PACKS.language("en")
    assert pack
    assert topic.pack == pack.version
    assert pack.version.startswith("en@")
    assert topic.codes == {
        "cameo": "0354", "plover": "RETREAT", "gdelt-broader": "SANCTIONS", "iptc-2022-07-broader": "20000642",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "actor", "target"),
    [
        ("Minsk freed Anna Lind on Monday.", "Q2280", "x-lind"),
        ("Anna Lind was freed by Minsk on Monday.", "Q2280", "x-lind"),
        ("Officials in Minsk say Anna Lind was arrested.", "", "x-lind"),
        ("Minsk promised to free Anna Lind.", "Q2280", "x-lind"),
        ("Amnesty urged Minsk to free Anna Lind.", "", "x-lind"),
        ("Brest and Minsk freed Anna Lind.", "", "x-lind"),
    ],
)
def test_the_sentence_gives_actor_and_target_in_either_voice(text: str, actor: str, target: str) -> None:
    mentions = name(text, "Minsk", entity="Q2280"), name(text, "Anna Lind", entity="x-lind", kind="person")
    (topic,) = said(text, mentions=mentions).topics

    assert (topic.actor, topic.target) == (actor, target)


def test_sanctions_have_a_target_behind_on_or_against() -> None:
    text = "Washington lifted sanctions on Belarus."
    topic = only(
        text,
        "sanctions.eased",
        mentions=(name(text, "Washington", entity="Q61"), name(text, "Belarus", entity="Q184")),
    )

    assert (topic.actor, topic.target) == ("Q61", "Q184")


def test_a_weak_name_is_no_party() -> None:
    text = "Washington lifted sanctions on Belarus."

    assert only(text, "sanctions.eased", mentions=(name(text, "Washington", entity="gn-1", weak=True),)).actor == ""


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("en", "Belarus freed three prisoners.", 3),
        ("en", "Rebels freed 1,226 hostages.", 1226),
        ("en", "Belarus freed prisoners after 14 years.", None),
        ("en", "In 2026 prisoners were freed.", None),
        ("id", "Pemerintah membebaskan 1.226 narapidana.", 1226),
        ("ru", "На свободу вышли трое.", 3),
        ("ru", "Минск освободил троих политзаключённых.", 3),
        ("pl", "Mińsk uwolnił 1 226 więźniów.", 1226),
        ("de", "Minsk hat 1.226 Häftlinge freigelassen.", 1226),
        ("fr", "Minsk a libéré trois prisonniers politiques.", 3),
        ("ar", "أفرجت السلطات عن ـــ سجناء.", None),  # a word of signs alone, which folds to nothing
    ],
)
def test_a_number_is_told_with_what_it_counts(language: str, text: str, number: int | None) -> None:
    assert only(text, "prisoners.released", language).number == number


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Three prisoners were freed. In return, Washington eased sanctions."),
        ("en", "Washington offered to ease sanctions in exchange for the release of prisoners."),
        ("id", "Tiga tahanan dibebaskan. Sebagai imbalan, Washington melonggarkan sanksi."),
        ("ru", "В обмен на освобождение заключённых США смягчили санкции."),
        ("pl", "W zamian za uwolnienie więźniów USA zniosły sankcje."),
        ("de", "Drei Gefangene wurden freigelassen. Im Gegenzug lockerte Washington die Sanktionen."),
        ("fr", "En échange de la libération des prisonniers, Washington a levé les sanctions."),
    ],
)
def test_words_of_exchange_link_release_and_relief(language: str, text: str) -> None:
    told = said(text, language)
    (link,) = told.links

    assert told.topics[link.from_topic].topic == "prisoners.released"
    assert told.topics[link.to_topic].topic == "sanctions.eased"
    assert link.link == "in-exchange"
    assert text[link.start : link.end]


def test_words_of_exchange_are_no_exchange_of_prisoners() -> None:
    assert "prisoners.exchanged" not in modalities("Sanctions were eased in exchange for prisoners.")


def test_sanctions_that_only_stay_are_no_side_of_an_exchange() -> None:
    assert said("Sanctions will remain in place until the prisoners are freed.").links == ()


def test_events_side_by_side_without_a_tie_are_no_exchange() -> None:
    assert said("Minsk freed three prisoners. Washington lifted sanctions on a bank.").links == ()


def test_an_unknown_language_tells_nothing() -> None:
    assert said("Sanctions were lifted.", "xx") == Told()


def test_stories_are_given_the_concepts_of_the_article() -> None:
    concepts = said("Belarus freed three prisoners. Sanctions were lifted.").concepts

    assert {"sanction", "prisoner", "free", "ease"} <= set(concepts)
    assert not [concept for concept in concepts if concept.startswith(("no_", "cue:", "never"))]


def pieces(language: str) -> list[str]:
    pack = PACKS.language(language)
    assert pack
    return [word for example in (*pack.must_ring, *pack.must_not_ring) for word in example.text.split()]


PIECES = st.sampled_from(
    [
        *pieces("en"), *pieces("ru"), *pieces("de"),
        *pieces("ar"), "العقوبات", "رفع", "السجناء", "ـ", "制裁", "解除了", "释放", ".", "?", "\n",
        ",", "1,226", "2008", "in return", "В обмен на", "\u200b", "\u0301", "🙂", "a.", "...", "«", "“",
    ]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=60).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(title=TEXTS, text=TEXTS, language=st.sampled_from(sorted(PACKS.languages)))
def test_every_span_holds_whatever_the_text(title: str, text: str, language: str) -> None:
    told = tell(title, text, language, (), PACKS, year=YEAR)
    fields = {"title": title, "text": text}

    for topic in told.topics:
        whole = fields[topic.field]
        first, last = topic.sentence
        assert 0 <= first <= topic.start < topic.end <= last <= len(whole)
        assert 0 < topic.confidence <= 1
        for span in filter(None, (topic.cue, topic.number_span)):
            assert first <= span[0] < span[1] <= last
        assert topic.mentions
        assert (topic.mentions[0].field, topic.mentions[0].start) == (topic.field, topic.start)
        assert all(0 <= span.start < span.end <= len(fields[span.field]) for span in topic.mentions)
        assert not topic.sure or topic.modality != "uncertain"
    for link in told.links:
        assert 0 <= link.from_topic < len(told.topics) > link.to_topic >= 0
        assert 0 <= link.start < link.end <= len(fields[link.field])


def test_time_grows_with_the_length_only() -> None:
    sentence = "Minsk freed three prisoners and in return Washington eased sanctions on potash, "

    def seconds(times: int) -> float:
        start = process_time()
        tell("", sentence * times, "en", (), PACKS, year=YEAR)
        return process_time() - start

    seconds(50)
    small, large = min(seconds(100) for _ in range(3)), min(seconds(800) for _ in range(2))
    assert large < 24 * small
