"""Tellings and words of exchange -> links between two events that are given for each other."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from enrich.article import Link
from enrich.topics.confidence import Telling
from enrich.topics.packs import LanguagePack
from enrich.topics.passage import Passage, Span
from enrich.topics.rules import Rules

EXCHANGE = "cue:exchange"
MOST_WORDS_TO_A_TIE = 40


Able = tuple[int, Telling]  # the place of its topic among the article's topics


def links(
    passage: Passage, tellings: Sequence[tuple[int | None, Telling]], rules: Rules, pack: LanguagePack
) -> Iterator[Link]:
    """Each pair of topics that one passage ties; a telling without a place among the topics was not trusted.

    The side named first is the one whose family stands first in rules.toml, so that one query finds every wording.
    """
    order = {family: place for place, family in enumerate(rules.exchange)}
    able = [
        (place, one)
        for place, one in tellings
        if place is not None and one.hit.family in order and not one.hit.rule.weak
    ]
    found: set[tuple[int, int]] = set()
    for tie, sides, rule in _ties(passage, able):
        (one, _), (other, _) = sorted(sides, key=lambda side: order[side[1].hit.family])
        if (one, other) not in found:
            found.add((one, other))
            yield Link(
                link="in-exchange", from_topic=one, to_topic=other, field=passage.field,
                start=passage.start[tie[0]], end=passage.end[tie[1]], rule=rule, pack=pack.version,
            )  # fmt: skip


def _ties(passage: Passage, able: Sequence[Able]) -> Iterator[tuple[Span, tuple[Able, Able], str]]:
    starts = [one.hit.act[0] for _, one in able]
    for tie in passage.at.get(EXCHANGE, ()):
        near = able[
            bisect_left(starts, tie[0] - MOST_WORDS_TO_A_TIE) : bisect_left(starts, tie[1] + MOST_WORDS_TO_A_TIE)
        ]
        if pair := _across(passage, tie, near):
            yield tie, pair, "words-of-exchange"
    for place, (index, one) in enumerate(able):
        if one.judgement.modality != "hypothetical" or passage.opener[one.hit.act[0]] != "if":
            continue
        for other in (*able[max(0, place - 3) : place], *able[place + 1 : place + 4]):
            if _conditional(passage, one, other[1]):
                yield one.judgement.cue or one.hit.act, ((index, one), other), "condition"


def _across(passage: Passage, tie: Span, near: Sequence[Able]) -> tuple[Able, Able] | None:
    """The two closest events of different families: both in the tie's sentence, or one in the sentence before it."""
    here = passage.sentence[tie[0]]
    own = [one for one in near if one[1].sentence == here]
    if not own:
        return None
    first = min(own, key=lambda one: _distance(tie, one[1]))
    for sentence in (here, here - 1):
        others = [one for one in near if one[1].sentence == sentence and one[1].hit.family != first[1].hit.family]
        if others:
            return first, min(others, key=lambda one: _distance(tie, one[1]))
    return None


def _distance(tie: Span, telling: Telling) -> int:
    act = telling.hit.act
    return max(0, act[0] - tie[1], tie[0] - act[1])


def _conditional(passage: Passage, one: Telling, other: Telling) -> bool:
    """Is the other act in the main clause of a sentence whose condition is this one?"""
    act, main = one.hit.act[0], other.hit.act[0]
    return (
        one.sentence == other.sentence
        and passage.clause[act] != passage.clause[main]
        and one.hit.family != other.hit.family
    )
