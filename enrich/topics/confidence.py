"""A hit and the article around it -> how far it can be trusted: a sum of weights that an editor can read."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from enrich.topics.hits import Hit
from enrich.topics.modality import Judgement
from enrich.topics.passage import Passage
from enrich.topics.rules import Rules

LEAD_SENTENCES = 2
ENOUGH = 0.5  # below it, a topic is not told
SURE = 0.75
_MOST_WORDS_APART = 3  # free of charge: an object this close costs nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A hit with what was found out about it."""

    passage: Passage
    hit: Hit
    topic: str  # of the rule, or the one that its modality makes of it
    judgement: Judgement
    confidence: float = 0.0

    @property
    def sentence(self) -> int:
        return self.passage.sentence[self.hit.act[0]]

    @property
    def lead(self) -> bool:
        return self.passage.field == "title" or self.sentence < LEAD_SENTENCES

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE and self.judgement.clear and not self.hit.rule.weak


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the rest of the article speaks of."""

    topics: Mapping[str, int]
    families: Mapping[str, int]
    off_domain: float  # words of sport, culture or the markets for each sentence


def surroundings(passages: Sequence[Passage], found: Sequence[Hit]) -> Surroundings:
    sentences = sum(len(passage.sentences) for passage in passages)
    foreign = sum(
        len(places) for passage in passages for concept, places in passage.at.items() if concept.startswith("domain:")
    )
    return Surroundings(
        topics=Counter(hit.rule.topic for hit in found),
        families=Counter(hit.family for hit in found),
        off_domain=foreign / max(1, sentences),
    )


def confidence(telling: Telling, around: Surroundings, rules: Rules) -> float:
    """From 0 to 1: the weights of everything that speaks for or against the hit, squeezed by the logistic function."""
    seen = features(telling, around, rules.neighbours)
    return 1 / (1 + math.exp(-sum(rules.weights[name] * value for name, value in seen.items())))


def features(telling: Telling, around: Surroundings, neighbours: Mapping[str, str]) -> dict[str, float]:
    """What speaks for or against a hit, by the names of rules.toml."""
    hit, found = telling.hit, telling.hit.object
    topics, families = around.topics.get(hit.rule.topic, 1), around.families.get(hit.family, 1)
    return {
        "base": 1.0,
        "object_in_clause": float(found is not None and found.same_clause),
        "object_beyond_clause": float(found is not None and not found.same_clause),
        "named": float(found is not None and found.concept == "name"),
        "words_to_object": float(max(0, found.gap - _MOST_WORDS_APART)) if found else 0.0,
        "phrase": float(hit.act[1] > hit.act[0]),
        "exact": float((hit.concept, hit.act[0]) in telling.passage.exact),
        "weak": float(hit.rule.weak),
        "noun": float(telling.judgement.form == "noun" and not hit.rule.weak),
        "title": float(telling.passage.field == "title"),
        "lead": float(telling.passage.field == "text" and telling.lead),
        "repeated": math.log(topics),
        "same_family": math.log(1 + max(0, families - topics)),
        "neighbour_family": math.log(1 + around.families.get(neighbours.get(hit.family, ""), 0)),
        "alone": float(families <= 1),
        "off_domain": min(2.0, around.off_domain),
    }
