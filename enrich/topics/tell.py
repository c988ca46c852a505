"""Title, text and mentions -> the events that an article tells, one topic for each, and what ties them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import cast

from enrich.article import MODALITY_GROUP, Field, Link, Mention, Modality, Salience, Span, Topic
from enrich.topics.confidence import ENOUGH, Surroundings, Telling, confidence, surroundings
from enrich.topics.hits import Hit, Named, hits, named
from enrich.topics.links import links
from enrich.topics.modality import Scene, judge
from enrich.topics.packs import Grammar, LanguagePack, TopicPacks
from enrich.topics.parties import Count, count, parties
from enrich.topics.passage import Passage, read
from enrich.topics.rules import Rules

NO_YEAR = 9999  # no year is known to be this article's own
MOST_OTHERS = 4  # acts on each side that may take a cue for themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    topics: tuple[Topic, ...] = ()
    links: tuple[Link, ...] = ()
    concepts: Mapping[str, int] = field(default_factory=dict)  # acts and objects of the pack -> times


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One field, read."""

    passage: Passage
    names: Sequence[Named]
    hits: Sequence[Hit]


def tell(
    title: str,
    text: str,
    language: str,
    mentions: Sequence[Mention],
    packs: TopicPacks,
    *,
    year: int = NO_YEAR,
) -> Told:
    """The events of an article; nothing where no pack knows the language. Never raises on any text.

    An event is told once: mentions of one topic whose modalities are of one group (fact, said, not, unclear) are one
    topic, with the surest in the title or the lead as its evidence. History stays apart from what is unclear now, and
    what is told only as uncertain joins a clearer telling of its topic.
    `year` is the article's own, where known: "in 2026" is no history in 2026.
    """
    pack = packs.language(language)
    if pack is None:
        return Told()
    fields: tuple[tuple[Field, str], ...] = (("title", title), ("text", text))
    articles = [_read(read(name, content, pack), mentions, pack, packs.rules) for name, content in fields]
    around = surroundings([one.passage for one in articles], [hit for one in articles for hit in one.hits])
    tellings = [
        [_telling(scene, around, packs.rules) for scene in _scenes(one, pack.grammar, year)] for one in articles
    ]
    told = [telling for of_field in tellings for telling in of_field if telling.confidence >= ENOUGH]
    groups = _events(told)
    names = {one.passage.field: one.names for one in articles}
    topics = [_topic(group, names, pack, packs.rules) for group in groups]
    place = {id(telling): index for index, group in enumerate(groups) for telling in group}
    tied = [
        link
        for one, of_field in zip(articles, tellings, strict=True)
        for link in links(one.passage, [(place.get(id(telling)), telling) for telling in of_field], packs.rules, pack)
    ]
    return Told(topics=tuple(topics), links=tuple(_each_once(tied)), concepts=_concepts(articles, pack))


def _read(passage: Passage, mentions: Sequence[Mention], pack: LanguagePack, rules: Rules) -> _Read:
    names = named(passage, mentions)
    found = [hit for hit in hits(passage, names, rules) if pack.sees(hit.rule.topic)]
    return _Read(passage=passage, names=names, hits=found)


def _scenes(article: _Read, grammar: Grammar, year: int) -> Iterator[Scene]:
    passage = article.passage
    in_order = sorted(article.hits, key=lambda hit: hit.act)
    for _, group in groupby(in_order, key=lambda hit: passage.sentence[hit.act[0]]):
        sentence = list(group)
        for place, hit in enumerate(sentence):
            others = [*sentence[max(0, place - MOST_OTHERS) : place], *sentence[place + 1 : place + 1 + MOST_OTHERS]]
            yield Scene(passage=passage, hit=hit, others=others, grammar=grammar, year=year)


def _telling(scene: Scene, around: Surroundings, rules: Rules) -> Telling:
    judgement, topic = judge(scene), scene.hit.rule.topic
    told, modality = rules.shift.get(topic, {}).get(judgement.modality, (topic, judgement.modality))
    judgement = replace(judgement, modality=cast(Modality, modality))
    telling = Telling(passage=scene.passage, hit=scene.hit, topic=told, judgement=judgement)
    return replace(telling, confidence=confidence(telling, around, rules))


Key = tuple[str, str]  # topic and modality group; history is a group of its own
Event = list[Telling]  # of one key, the evidence first


def _events(told: Iterable[Telling]) -> list[Event]:
    found: dict[Key, Event] = {}
    for telling in told:
        modality = telling.judgement.modality
        group = modality if modality in ("historical", "uncertain") else MODALITY_GROUP[modality]
        found.setdefault((telling.topic, group), []).append(telling)
    return [sorted(group, key=_evidence_first) for group in _joined(found).values()]


def _joined(found: dict[Key, Event]) -> dict[Key, Event]:
    """What is told only as uncertain joins a clearer telling of its topic."""
    for topic in [topic for topic, group in found if group == "uncertain"]:
        for clearer in ("fact", "said", "not", "unclear"):
            if (topic, clearer) in found:
                found[topic, clearer] += found.pop((topic, "uncertain"))
                break
    return found


def _evidence_first(telling: Telling) -> tuple[bool, bool, bool, float, bool, int]:
    unclear = telling.judgement.modality == "uncertain"
    return (
        unclear, not telling.sure, not telling.lead, -round(telling.confidence, 1),
        telling.passage.field == "title", telling.hit.act[0],
    )  # fmt: skip


def _topic(group: Event, names: Mapping[Field, Sequence[Named]], pack: LanguagePack, rules: Rules) -> Topic:
    evidence = group[0]
    passage, modality = evidence.passage, evidence.judgement.modality
    sides = [parties(one, names[one.passage.field]) for one in group]
    counted = _count(group, pack)
    start, end = _characters(passage, evidence.hit.span)
    cue = evidence.judgement.cue
    return Topic(
        topic=evidence.topic,
        modality=modality,
        confidence=round(evidence.confidence, 3),
        sure=evidence.sure,
        salience=_salience(group),
        field=passage.field,
        start=start,
        end=end,
        sentence=passage.sentences[evidence.sentence],
        cue=_characters(passage, cue) if cue else None,
        actor=next((side.actor for side in sides if side.actor), ""),
        target=next((side.target for side in sides if side.target), ""),
        number=counted.value if counted else None,
        number_span=(counted.start, counted.end) if counted else None,
        rule=evidence.hit.rule.id,
        pack=pack.version,
        codes=rules.codes_of(evidence.topic, modality),
        mentions=tuple(_span(one) for one in group),
    )


def _characters(passage: Passage, words: tuple[int, int]) -> tuple[int, int]:
    return passage.start[words[0]], passage.end[words[1]]


def _span(telling: Telling) -> Span:
    start, end = _characters(telling.passage, telling.hit.span)
    return Span(field=telling.passage.field, start=start, end=end)


def _count(group: Event, pack: LanguagePack) -> Count | None:
    """The number of the evidence, else the first that its field tells."""
    passage = group[0].passage
    counts = (count(passage, one.hit, pack.numbers) for one in group if one.passage is passage)
    return next((found for found in counts if found), None)


def _salience(group: Event) -> Salience:
    """Lead: in the title or the first sentences. Background: history, or a bare mention further down."""
    if any(telling.lead and not telling.hit.rule.weak for telling in group):
        return "lead"
    aside = all(telling.judgement.modality == "historical" or telling.hit.rule.weak for telling in group)
    return "background" if aside else "part"


def _each_once(tied: Iterable[Link]) -> list[Link]:
    found: dict[tuple[int, int], Link] = {}
    for link in tied:
        found.setdefault((link.from_topic, link.to_topic), link)
    return list(found.values())


def _concepts(articles: Iterable[_Read], pack: LanguagePack) -> dict[str, int]:
    times: Counter[str] = Counter()
    for article in articles:
        times.update({name: len(places) for name, places in article.passage.at.items() if name in pack.concepts})
    return dict(times)
