"""A hit and the names around it -> who did it to whom, and to how many; only what the sentence says plainly."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from enrich.topics.confidence import Telling
from enrich.topics.hits import Hit, Named
from enrich.topics.packs import Numbers
from enrich.topics.passage import Passage, Span

MOST_WORDS_TO_A_PARTY = 6
MOST_WORDS_IN_AN_OBJECT = 3  # between a number and what it counts: "three Ukrainian political prisoners"
_DIGITS = re.compile(r"\d{1,3}(?:[.,\u00a0\u202f ]\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
_LONGEST_NUMBER = 12
_BY_THE_SUBJECT = frozenset({"promised", "proposed", "refused", "threatened"})  # "Washington offered to ease"
_COUNTED = frozenset({"prisoners", "detention"})  # families whose acts are done to so many people


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    actor: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    value: int
    start: int  # characters
    end: int


def parties(telling: Telling, names: Sequence[Named]) -> Parties:
    """Entity ids of the two sides. In the active voice the subject before the act, in the passive what "by" names."""
    passage, hit, judgement = telling.passage, telling.hit, telling.judgement
    strong = [name for name in names if not name.mention.weak and name.mention.type != "product"]
    before, after = _beside(passage, hit, strong)
    passive = judgement.form == "passive"
    agent = _after(passage, "role:by", hit, strong) if passive or judgement.form == "noun" else ""
    governed = judgement.form in ("infinitive", "noun")
    subject = before if not governed or judgement.modality in _BY_THE_SUBJECT else ""
    target = _after(passage, "role:against", hit, strong) if hit.family == "sanctions" else ""
    if hit.family in _COUNTED:
        target = _named_object(hit, passive) or (subject if passive else after)
    elif hit.family == "talks":
        target = _after(passage, "role:with", hit, strong)
    actor = agent if passive else subject
    return Parties(actor=actor if actor != target else "", target=target)


def _beside(passage: Passage, hit: Hit, names: Sequence[Named]) -> tuple[str, str]:
    """The name that begins the act's clause, and the person right behind the act; empty where two names compete."""
    before = [
        name
        for name in names
        if name.span[1] < hit.span[0]
        and passage.same_clause(name.span[0], hit.act[0])
        and hit.act[0] - name.span[1] <= MOST_WORDS_TO_A_PARTY
    ]
    plain = len({name.mention.id for name in before}) == 1 and not (
        _leans(passage, before[0].span) or _is_one_of_several(passage, before[0].span)
    )
    after = next(
        (
            name.mention.id
            for name in names
            if name.span[0] == hit.act[1] + 1 and name.mention.type == "person" and hit.object is None
        ),
        "",
    )
    return (before[0].mention.id if plain else ""), after


def _leans(passage: Passage, span: Span) -> bool:
    """Does the name hang on a word before it ("in Minsk", "by Minsk")? Then it is no subject."""
    roles = ("role:in", "role:against", "role:with", "role:by")
    return any(gap == 1 for role in roles for _, gap in passage.near(role, span, 1, 0))


def _is_one_of_several(passage: Passage, span: Span) -> bool:
    """ "Armenia and Azerbaijan exchanged prisoners": no side alone did it."""
    first = span[0]
    return first > 1 and passage.opener[first] == "and" and passage.clause[first - 2] != passage.clause[first]


def _after(passage: Passage, role: str, hit: Hit, names: Sequence[Named]) -> str:
    for place, _ in passage.near(role, hit.span, 0, MOST_WORDS_TO_A_PARTY):
        for name in names:
            if 0 < name.span[0] - place[1] <= 2 and passage.sentence[name.span[0]] == passage.sentence[place[0]]:
                return name.mention.id
    return ""


def _named_object(hit: Hit, passive: bool) -> str:
    """The name that the rule took as its object: before the act only in the passive."""
    found = hit.object
    if found is None or found.mention is None or (found.span[0] < hit.act[0] and not passive):
        return ""
    return found.mention.id


def count(passage: Passage, hit: Hit, numbers: Numbers) -> Count | None:
    """How many people the act is done to, where the number stands in the object: "three prisoners"."""
    if hit.family not in _COUNTED:
        return None
    if hit.object is not None and hit.object.concept != "name":
        head = hit.object.span[0]
        parting = max((word for word in hit.act if word < head), default=-1)  # the act stands between
        for index in range(head, max(parting, head - MOST_WORDS_IN_AN_OBJECT - 2), -1):
            if passage.sentence[index] != passage.sentence[head] or passage.clause[index] != passage.clause[head]:
                break
            if passage.low[index] in numbers.not_counted:
                break
            if found := _number(passage, index, {**numbers.words, **numbers.people}, numbers):
                return found
    return _counted_people(passage, hit, numbers)


def _counted_people(passage: Passage, hit: Hit, numbers: Numbers) -> Count | None:
    """A number word that counts people by itself: "трое вышли на свободу"."""
    for index in range(max(0, hit.act[0] - 4), min(len(passage.low), hit.act[1] + 4)):
        if passage.low[index] in numbers.people and passage.same_clause(index, hit.act[0]):
            return _number(passage, index, numbers.people, numbers)
    return None


def _number(passage: Passage, index: int, words: Mapping[str, int], numbers: Numbers) -> Count | None:
    word = passage.low[index]
    if word in words:
        return Count(value=words[word], start=passage.start[index], end=passage.end[index])
    if not word[:1].isdigit():  # a word of signs alone folds to nothing
        return None
    place = passage.start[index]
    around = _DIGITS.finditer(passage.text, max(0, place - _LONGEST_NUMBER), passage.end[index] + _LONGEST_NUMBER)
    found = next((one for one in around if one.start() <= place < one.end()), None)
    if found is None:
        return None
    value = _value(found[0], numbers.thousands)
    if value is None or (1800 <= value <= 2100 and found[0].isdigit() and len(found[0]) == 4):
        return None
    return Count(value=value, start=found.start(), end=found.end())


def _value(digits: str, thousands: str) -> int | None:
    """ "1.226" is 1226 in Indonesian and no number of people in English."""
    for sign in ("\u00a0", "\u202f", " ", thousands or " "):
        parts = digits.split(sign)
        if len(parts) > 1 and all(len(part) == 3 for part in parts[1:]) and all(part.isdigit() for part in parts):
            return int("".join(parts))
    return int(digits) if digits.isdecimal() else None
