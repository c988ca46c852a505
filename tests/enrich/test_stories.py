from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich.article import EnrichedArticle, Language, Mention, Topic
from enrich.stories.copies import Copies
from enrich.stories.grouping import Grouping, StorySettings
from enrich.stories.keys import story_keys, tokens
from enrich.stories.offline import group
from enrich.stories.stage import StoriesStage
from ingest.article import Article
from ingest.entry import Origin
from ingest.identity import digest
from ingest.ledger import Ledger

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RELEASE = ("Q184", "Q30", "x-AVN", "x-MRK", "Q2280")
ENGLISH = (
    "Three prisoners walked free in Minsk on Monday after a visit by envoys from Washington, who offered to ease "
    "curbs on potash in return for the release. The men crossed the border before noon and were met by relatives."
)
INDONESIAN = (
    "Tiga tahanan dibebaskan di Minsk pada hari Senin setelah kunjungan utusan Washington, yang menawarkan pelonggaran "
    "sanksi kalium sebagai imbalan. Mereka menyeberangi perbatasan sebelum tengah hari dan disambut keluarga."
)
FOOTBALL = (
    "The home side won by two goals to nil on a wet evening, and the keeper was named the best player of the match by "
    "a crowd that had sung from the first minute to the last without a pause."
)


def mention(name: str, at: int, field: str = "text") -> Mention:
    return Mention(
        id=name, name=name, type="other", field=field, start=at, end=at + 1, surface="x", rule="known", pack="test"
    )


def topic(name: str, modality: str, number: int | None = None) -> Topic:
    return Topic(
        topic=name, modality=modality, confidence=0.9, sure=True, salience="lead", field="text", start=0, end=5,
        sentence=(0, 50), rule="test", pack="test", number=number,
    )  # fmt: skip


def enriched(
    name,
    text,
    *,
    language="en",
    entities=(),
    topics=(),
    at=MONDAY,
    title="",
    revision=1,
    published=None,
    withdrawn=False,
):
    mentions = [mention(entity, 3 * place) for place, entity in enumerate(entities)]
    mentions += [mention(entity, 0, "title") for entity in entities[:2]]
    concepts = {told.topic: 2 for told in topics}
    article = Article(
        id=name, revision=revision, url=f"http://news.example/{name}", feed="f", source="Outlet", title=title,
        text=text, path="cut", origin=Origin.LIVE, seen=at,
    )  # fmt: skip
    keys = story_keys(
        title=title, text=text, published=at, seen=at, entities=mentions, topics=topics, concepts=concepts
    )
    return EnrichedArticle(
        article=article,
        language=Language(code=language, score=1.0, source="text"),
        entities=tuple(mentions),
        topics=tuple(topics),
        keys=keys,
    )


def release_in_english(name="en", **more):
    topics = (topic("prisoners.released", "done", 3), topic("sanctions.eased", "proposed"))
    return enriched(name, ENGLISH, entities=RELEASE, topics=topics, **more)


def release_in_indonesian(name="id", **more):
    topics = (topic("prisoners.released", "done", 3), topic("sanctions.eased", "promised"))
    return enriched(name, INDONESIAN, language="id", entities=RELEASE[:4], topics=topics, **more)


def football(name="football", **more):
    return enriched(name, FOOTBALL, entities=("x-HOME", "x-AWAY"), **more)


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


def tell(ledger, *articles, stage=None):
    stage = stage or StoriesStage(ledger, clock=lambda: MONDAY + timedelta(hours=2))
    with ledger.begin() as transaction:
        return stage.handle(transaction, articles)


def test_one_event_is_one_story_across_languages_and_another_is_another(ledger):
    other, english, indonesian = tell(ledger, football(), release_in_english(), release_in_indonesian())
    assert english.story == indonesian.story != other.story
    assert english.story == digest("story", "en")
    assert english.new == ("first telling",)
    assert indonesian.new == ("sanctions.eased: proposed → promised",)
    assert any(why.startswith("entities ") and "Q184" in why for why in indonesian.joined)


def test_the_same_affair_ten_days_later_is_a_new_story(ledger):
    later = release_in_english("later", at=MONDAY + timedelta(days=11), title="Again")
    fresh = enriched("later", ENGLISH[::-1], entities=RELEASE, at=later.article.seen, topics=later.topics)
    first, second = tell(ledger, release_in_english(), fresh)
    assert first.story != second.story


def test_a_lightly_edited_copy_is_told_as_a_copy_of_the_first(ledger):
    edited = enriched("copy", ENGLISH.replace("before noon", "in the morning"), entities=RELEASE)
    twice = enriched("copy2", ENGLISH.replace("relatives", "friends"), entities=RELEASE)
    first, copy, second_copy = tell(ledger, release_in_english(), edited, twice)
    assert (copy.copy_of, second_copy.copy_of, first.copy_of) == ("en", "en", "")
    assert copy.story == second_copy.story == first.story
    assert copy.new == ("same text",)


def test_replay_gives_the_recorded_story_and_writes_nothing_twice(ledger):
    articles = [football(), release_in_english(), release_in_indonesian()]
    first = tell(ledger, *articles)
    again = tell(ledger, *reversed(articles))
    assert [told.story for told in reversed(again)] == [told.story for told in first]
    assert [told.new for told in reversed(again)] == [told.new for told in first]


def test_a_restarted_stage_goes_on_with_the_stories_it_had(ledger):
    (first,) = tell(ledger, release_in_english())
    (second,) = tell(ledger, release_in_indonesian())  # a new stage on the same ledger
    assert second.story == first.story


def test_an_undone_transaction_leaves_no_trace_in_memory(ledger):
    stage = StoriesStage(ledger, clock=lambda: MONDAY)

    def undone():
        with ledger.begin() as transaction:
            stage.handle(transaction, [release_in_english("lost")])
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        undone()
    (told,) = tell(ledger, release_in_indonesian(), stage=stage)
    assert told.story == digest("story", "id")
    assert told.new == ("first telling",)


def test_a_new_revision_keeps_its_story_and_says_what_changed(ledger):
    tell(ledger, release_in_english())
    topics = (topic("prisoners.released", "done", 4), topic("sanctions.eased", "proposed"))
    (told,) = tell(ledger, enriched("en", ENGLISH + " Four.", entities=RELEASE, topics=topics, revision=2))
    assert told.story == digest("story", "en")
    assert told.new == ("edited, revision 2", "prisoners.released: 3 → 4")


def test_an_article_that_shows_two_stories_to_be_one_merges_them_into_the_older(ledger):
    tight = StorySettings(join=1.0, merge=-4.0)
    stage = StoriesStage(ledger, tight, clock=lambda: MONDAY)
    half = enriched("half", INDONESIAN, language="id", entities=RELEASE[:2], topics=(topic("sanctions.eased", "done"),))
    other = enriched("rest", ENGLISH, entities=RELEASE[1:], topics=(topic("prisoners.released", "done"),))
    bridge = enriched(
        "bridge", "Envoys left Minsk with the freed men, and curbs on potash will be lifted.", entities=RELEASE,
        topics=(topic("sanctions.eased", "done"), topic("prisoners.released", "done")),
    )  # fmt: skip
    first, second, third = tell(ledger, half, other, bridge, stage=stage)
    assert first.story != second.story
    assert third.story == first.story
    assert third.merged == (second.story,)
    (again,) = tell(ledger, other, stage=stage)
    assert again.story == first.story


def test_an_undated_article_takes_the_day_of_arrival_and_a_future_date_is_not_believed():
    said = {"title": "", "text": ENGLISH, "seen": MONDAY, "entities": (), "topics": (), "concepts": {}}
    today = story_keys(published=None, **said).day
    assert story_keys(published=MONDAY + timedelta(days=400), **said).day == today
    assert story_keys(published=MONDAY - timedelta(days=3), **said).day == today - 3


def test_a_short_text_inside_a_long_one_is_no_copy():
    copies = Copies()
    long = tuple(range(0, 8000, 8))
    copies.add("long", long)
    assert copies.find(long[:40]) == ""
    assert copies.find(long[:600]) == "long"
    copies.forget("long")
    assert copies.find(long) == ""


def test_old_articles_are_forgotten():
    grouping = Grouping(StorySettings(keep_days=14))
    day = 20_000
    first = grouping.assign("en", release_in_english().keys, "en", day)
    assert grouping.assign("copy", release_in_english().keys, "en", day + 13).copy_of == "en"
    assert grouping.events(first.story)
    assert grouping.assign("late", release_in_english().keys, "en", day + 40).copy_of == ""
    assert grouping.events(first.story) == []


@given(st.lists(st.sampled_from(["en", "id", "football", "copy"]), min_size=1, max_size=12))
def test_online_and_offline_give_the_same_stories(kinds):
    made = {
        "en": release_in_english, "id": release_in_indonesian, "football": football,
        "copy": lambda name: enriched(name, ENGLISH.replace("noon", "dawn"), entities=RELEASE),
    }  # fmt: skip
    articles = [made[kind](f"{kind}{place}") for place, kind in enumerate(kinds)]
    grouping = Grouping(StorySettings())
    online = [grouping.assign(a.article.id, a.keys, a.language.code, a.keys.day).story for a in articles]
    assert [found.story for found in group(articles)] == online


@given(st.text())
def test_any_text_has_keys(text):
    keys = story_keys(title=text, text=text, published=None, seen=MONDAY, entities=(), topics=(), concepts={})
    assert len(keys.words) <= 60
    assert all(token for token in tokens(text))


def overlapping(number, chance):
    """An article on some of a few neighbouring affairs: stories begin apart and grow together."""
    affair = chance.randrange(4)
    names = chance.sample([f"Q{affair * 3 + at}" for at in range(8)], 4)
    text = " ".join(chance.choices(ENGLISH.split() + FOOTBALL.split(), k=40))
    topics = (topic(chance.choice(["prisoners.released", "sanctions.eased", "talks.held"]), "done"),)
    days = timedelta(days=chance.randrange(3))
    return enriched(f"a{number}", text, entities=names, topics=topics, at=MONDAY + days, title=" ".join(names))


@pytest.mark.parametrize("seed", range(6))
def test_stories_that_merge_again_and_again_stay_whole(seed):
    chance = Random(seed)
    grouping = Grouping(StorySettings(join=1.0, merge=-1.0, relate=-3.0))
    stands, kept, merges = {}, {}, 0
    for number in range(150):
        one = overlapping(number, chance)
        found = grouping.assign(one.article.id, one.keys, "en", one.keys.day)
        stands[found.article] = found.story
        for gone, _ in found.merged:
            assert gone not in kept
            kept[gone] = found.story
            merges += 1
    assert merges > 3
    for name, story in stands.items():
        while story in kept:
            story = kept[story]
        assert grouping._story_of[name] == story
        assert name in grouping._stories[story].members


def test_a_stage_that_failed_remembers_nothing_that_the_ledger_does_not(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    stage = StoriesStage(ledger)
    broken = replace(release_in_english("broken"), keys=None)
    with pytest.raises(AttributeError), ledger.begin() as transaction:
        stage.handle(transaction, [release_in_english("a"), broken])
    with ledger.begin() as transaction:
        (told,) = stage.handle(transaction, [release_in_english("b")])
    assert told.copy_of == ""
    assert told.new == ("first telling",)
    ledger.close()
