"""Every language pack's own sentences ring, or stay silent, as its editor wrote them."""

from pathlib import Path
from shutil import copytree

import pytest
from _pytest.mark import ParameterSet

from enrich.article import MODALITY_GROUP, Topic
from enrich.topics.packs import FOLDER, Example, LanguagePack, TopicPacks
from enrich.topics.rules import PackError
from enrich.topics.tell import tell

PACKS = TopicPacks.load()
LANGUAGES = sorted(PACKS.languages)
FULL = ("de", "en", "fr", "id", "pl", "ru")
YEAR = 2026


def examples(kind: str) -> list[ParameterSet]:
    made = []
    for code in LANGUAGES:
        pack = PACKS.language(code)
        assert pack
        for number, example in enumerate(getattr(pack, kind), 1):
            said = f"{code}-{number}-{example.topic}-{example.modality or 'any'}"
            made.append(pytest.param(code, example, id=said))
    return made


def told(code: str, text: str) -> list[Topic]:
    return list(tell("", text, code, [], PACKS, year=YEAR).topics)


@pytest.mark.parametrize(("code", "example"), examples("must_ring"))
def test_what_must_ring_is_told_with_its_modality(code: str, example: Example) -> None:
    topics = told(code, example.text)
    own = [topic for topic in topics if topic.topic == example.topic]
    said = {topic.modality for topic in own}

    assert example.modality in said, [(topic.topic, topic.modality) for topic in topics]
    if MODALITY_GROUP[example.modality] != "fact":
        assert not said & {"done", "ongoing"}, "told as a fact too"
    if example.number is not None:
        assert example.number in {topic.number for topic in own}


@pytest.mark.parametrize(("code", "example"), examples("must_not_ring"))
def test_what_must_not_ring_stays_silent(code: str, example: Example) -> None:
    wrong = [
        f"{topic.topic} {topic.modality}: {example.text[topic.start : topic.end]}"
        for topic in told(code, example.text)
        if example.topic in (topic.topic, topic.topic.partition(".")[0])
        and example.modality in ("", topic.modality, MODALITY_GROUP[topic.modality])
    ]

    assert wrong == []


@pytest.mark.parametrize("code", FULL)
def test_a_full_pack_has_enough_examples_of_every_family(code: str) -> None:
    pack = PACKS.language(code)
    assert pack

    def of(kind: tuple[Example, ...], *families: str) -> int:
        return sum(example.topic.partition(".")[0] in families for example in kind)

    assert of(pack.must_ring, "sanctions", "prisoners") >= 20
    assert of(pack.must_not_ring, "sanctions", "prisoners") >= 40
    for family in ("detention", "talks"):
        assert of(pack.must_ring, family) >= 6
        assert of(pack.must_not_ring, family) >= 8


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_pack_has_an_example_of_every_topic_that_it_says_it_sees(code: str) -> None:
    pack: LanguagePack | None = PACKS.language(code)
    assert pack
    seen = {topic for topic in PACKS.rules.topics if pack.sees(topic)}

    assert seen - {example.topic for example in pack.must_ring} == set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packs with a small one, "xx", to break."""
    copied = copytree(FOLDER, tmp_path / "topics")
    (copied / "xx.toml").write_text(SMALL, "utf-8")
    return copied


SMALL = """language = "xx"
blind = ["sanctions", "detention", "talks", "prisoners.exchanged", "prisoners.pardoned"]
[objects]
prisoner = "vang"
[acts]
free = "losla, lossen*"
[must_ring]
"prisoners.released done" = "Vang losla."
"""


def test_a_small_pack_that_says_what_it_cannot_see_is_whole(folder: Path) -> None:
    pack = TopicPacks.load(folder).language("xx")

    assert pack
    assert not pack.sees("sanctions.eased")
    assert pack.must_ring == (Example(text="Vang losla.", topic="prisoners.released", modality="done"),)


def test_a_changed_word_changes_the_version(folder: Path) -> None:
    before = TopicPacks.load(folder).language("xx")
    (folder / "xx.toml").write_text(SMALL.replace("losla,", "losla, losl,"), "utf-8")
    after = TopicPacks.load(folder).language("xx")

    assert before
    assert after
    assert before.version != after.version


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[objects]", "[objekts]", "xx.toml:3: no section is called 'objekts'; did you mean 'objects'?"),
        ("prisoner =", "prisonner =", "xx.toml:4: no name in [objects] is called 'prisonner'; did you mean"),
        ("losla,", "los*la,", "xx.toml:6: [acts] free: 'los*la' is no word; write letters, with * only at the end"),
        ("losla,", ".. losla,", "xx.toml:6: [acts] free: the pattern '.. losla' must begin and end with a word"),
        ('"losla, lossen*"', "3", "xx.toml:6: write the words between quotes"),
        ('released done"', 'released"', "xx.toml:8: the modality is missing: write \"prisoners.released done\""),
        ("released done", "released dome", "xx.toml:8: no modality is called 'dome'; did you mean 'done'?"),
        ("prisoners.released done", "prisoner.released done", "xx.toml:8: no topic is called 'prisoner.released'"),
        ('"Vang losla."', '""', "xx.toml:8: the sentences are missing"),
        ("Vang losla.", "Vang losla. | drie", "xx.toml:8: 'Vang losla. | drie': write a sentence, a bar"),
        ("[objects]", 'extends = "ms"\n[objects]', "xx.toml:3: 'ms' extends a pack itself; extend that one"),
        ('language = "xx"', 'language = "xy"', 'xx.toml:1: write language = "xx", as the file is named'),
        ('"talks", ', '"talk", ', "xx.toml:2: no topic is called 'talk'; did you mean 'talks'?"),
        ('"talks", ', "", 'xx.toml:1: no words for talks.broken-off; write them, or add "talks.broken-off" to blind'),
        ('"vang"', '\"\"\"\nvang\ngij*zelaar\n\"\"\"', "xx.toml:6: [objects] prisoner: 'gij*zelaar' is no word"),
        ("prisoner = ", "prisoner ", "xx.toml: Expected '='"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_what_to_write(folder: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    (folder / "xx.toml").write_text(SMALL.replace(old, new, 1), "utf-8")

    with pytest.raises(PackError) as raised:
        TopicPacks.load(folder).language("xx")

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('topic = "sanctions.imposed"\n', "", "rules.toml: rule 1 lacks ['topic']"),
        ("unless = ", "unles = ", "rules.toml: rule 1 has ['unles']"),
        ('default = "ongoing"', 'default = "going"', "rules.toml: rule sanction-in-force has the default 'going'"),
        ("off_domain = ", "domain = ", "rules.toml: [confidence] names"),
        ("[exchange]", "[trade]", "rules.toml: the section 'exchange' is missing"),
    ],
)
def test_a_mistake_in_the_rules_is_told(folder: Path, old: str, new: str, said: str) -> None:
    path = folder / "rules.toml"
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")

    with pytest.raises(PackError) as raised:
        TopicPacks.load(folder)

    assert said in str(raised.value)


def test_every_rule_has_its_codes_and_every_code_its_topic() -> None:
    coded = {".".join(topic.split(".")[:2]) for topic in PACKS.rules.codes}

    assert coded == PACKS.rules.topics
