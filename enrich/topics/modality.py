"""A hit and the cues around it -> what its sentence says of the act: done, promised, refused and so on.

Cues count by where they stand. An order of precedence decides, and a denial, a refusal, a condition, a demand or a
threat is never overruled. A cue beyond another act belongs to that act, unless the two are joined by "and".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from enrich.article import Modality
from enrich.topics.check import CUES
from enrich.topics.hits import Hit
from enrich.topics.packs import Grammar
from enrich.topics.passage import Passage, Span

BEFORE_WORDS = 18
AFTER_WORDS = 8
NEAR_WORDS = 3
_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_SUBORDINATE = frozenset({"that", "purpose"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A hit where it stands."""

    passage: Passage
    hit: Hit
    others: Sequence[Hit]  # of the same sentence
    grammar: Grammar
    year: int  # the article's own: no past yet
    form: str = ""  # of the act: "infinitive", "noun", "passive" and so on


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    modality: Modality
    cue: Span | None
    form: str
    clear: bool  # no cue speaks against it, and none doubts it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    concept: str
    span: Span
    where: str  # near, left, right (in the clause); above (what governs the clause); later


# From the strongest on: what is told, by which cue, standing where.
PRECEDENCE: tuple[tuple[str, str, frozenset[str]], ...] = tuple(
    (told, cue, frozenset(where.split()))
    for told, cue, where in (
        ("denied", "deny", "near left above"),
        ("refused", "refuse", "near left above"),
        ("hypothetical", "if", "near left above"),
        ("negated", "not", "near"),
        ("demanded", "demand", "near left above"),
        ("threatened", "threaten", "near left above"),
        ("historical", "past", "near left right aside"),
        ("proposed", "offer", "near left above"),
        ("proposed", "may", "near left above"),
        ("promised", "promise", "near left above"),
        ("promised", "future", "near left"),
        ("hypothetical", "would", "near left"),
        ("promised", "order", "near left above"),
        ("hypothetical", "fear", "near left above"),
    )
)
# What may follow an act told as a noun: "the release was postponed".
AFTER_A_NOUN: tuple[tuple[str, str], ...] = (
    ("denied", "deny"),
    ("refused", "refuse"),
    ("demanded", "demand"),
    ("proposed", "offer"),
    ("proposed", "may"),
    ("promised", "promise"),
    ("promised", "future"),
)
_HAPPENED = frozenset({"near", "left", "right"})
_INSIDE = frozenset({"future", "would"})  # cues that are endings of the act itself
AFTER_A_VERB = frozenset({"future", "may", "would", "promise"})  # "freikommen sollen"


def judge(bare: Scene) -> Judgement:
    """What the sentence says of the act, and the words that say so."""
    scene = replace(bare, form=form_of(bare.passage, bare.hit, bare.grammar))
    cues = list(_cues(scene))
    told, cue = _decide(scene, cues)
    if cue and _doubled_negative(scene.passage, cue):
        told = "uncertain"
    clear = told != "uncertain" and not any(one.concept == "alleged" for one in cues)
    return Judgement(modality=cast(Modality, told), cue=cue.span if cue else None, form=scene.form, clear=clear)


def form_of(passage: Passage, hit: Hit, grammar: Grammar) -> str:
    """The form of the act, as far as the endings of its words and an auxiliary before it show it."""
    first, last = hit.act
    words = passage.low[first : last + 1]
    head = words[-1 if grammar.head_final else 0]
    before = passage.low[first - 1] if first else ""
    for name, affixes in grammar.forms:
        for affix in affixes:
            if _has(head, affix) or (
                ("-" not in affix or name == "future") and any(_has(word, affix) for word in words)
            ):
                return name
    if grammar.to and grammar.to in (before, words[0]):
        return "infinitive"
    if before in grammar.determiners:
        return "noun"
    follows = 2 if grammar.modal_follows else 0
    return "passive" if any(True for _ in passage.near("role:passive", hit.act, NEAR_WORDS, follows)) else ""


def _has(word: str, affix: str) -> bool:
    """Does an ending ("-ing") or a beginning ("di-") fit the word, or is it the word itself?"""
    if affix.startswith("-"):
        return word.endswith(affix[1:])
    return word.startswith(affix[:-1]) if affix.endswith("-") else word == affix


def _decide(scene: Scene, cues: list[Cue]) -> tuple[str, Cue | None]:
    if scene.form == "negated":
        return "denied", None
    return _by_precedence(scene, cues) or _by_what_follows(scene, cues) or _by_form(scene, cues)


def _by_precedence(scene: Scene, cues: list[Cue]) -> tuple[str, Cue | None] | None:
    act, passage = scene.hit.act[0], scene.passage
    for told, concept, where in PRECEDENCE:
        if cue := next((one for one in cues if one.concept == concept and one.where in where), None):
            return _told(told, passage.opener[act], cues), cue
        if concept == "if" and (passage.opener[act] == "if" or passage.asks(act)):
            return told, None
        if concept == "past" and (year := _bare_year(scene, cues)):
            return told, year
    return None


def _by_what_follows(scene: Scene, cues: list[Cue]) -> tuple[str, Cue | None] | None:
    """ "The release was put off", "that he was freed is denied", "free him if ..."."""
    act, passage = scene.hit.act[0], scene.passage
    noun = scene.form == "noun"
    if noun and _in_exchange(passage, scene.hit):
        return "uncertain", None
    if noun or passage.opener[act] == "that":
        for told, concept in AFTER_A_NOUN if noun else AFTER_A_NOUN[:1]:
            if cue := next((one for one in cues if one.concept == concept and one.where == "right"), None):
                return told, cue
    for cue in cues:
        begins = cue.span[0]
        follows = passage.opener[begins] == "if" and passage.clause[begins] == passage.clause[act] + 1
        if cue.concept == "if" and cue.where == "later" and follows:
            return "hypothetical", cue
    return None


def _by_form(scene: Scene, cues: list[Cue]) -> tuple[str, Cue | None]:
    if scene.form == "future":
        return "promised", None
    if scene.form == "infinitive" or scene.passage.opener[scene.hit.act[0]] == "purpose":
        return ("promised" if scene.passage.field == "title" else "uncertain"), None  # "US to ease sanctions"
    if cue := next((one for one in cues if one.concept == "ongoing" and one.where != "later"), None):
        return "ongoing", cue
    if scene.form == "noun" and not any(one.concept == "happened" and one.where in _HAPPENED for one in cues):
        return "uncertain", None  # "the release" may be asked for, planned or long past
    return scene.hit.rule.default, None


def _told(told: str, opener: str, cues: list[Cue]) -> str:
    if told == "negated":
        return _negated(cues)
    return "hypothetical" if told == "promised" and opener == "when" else told  # "when they will be freed"


def _in_exchange(passage: Passage, hit: Hit) -> bool:
    """ "In return for the release": given or only promised, the sentence does not say."""
    return any(True for _ in passage.near("cue:exchange", hit.span, NEAR_WORDS, 0))


def _negated(cues: list[Cue]) -> str:
    """ "Will not lift" refuses, "was not lifted" denies, "urged not to lift" is neither."""
    concepts = {cue.concept for cue in cues if cue.where in ("near", "left", "above")}
    if concepts & {"demand", "threaten"}:
        return "uncertain"
    return "refused" if concepts & {"future", "promise"} else "denied"


def _doubled_negative(passage: Passage, cue: Cue) -> bool:
    """ "Did not deny", "has not refused": what is left is unclear."""
    if cue.concept not in ("deny", "refuse", "demand"):
        return False
    return any(passage.same_clause(span[0], cue.span[0]) for span, _ in passage.near("cue:not", cue.span, 2, 0))


def _bare_year(scene: Scene, cues: list[Cue]) -> Cue | None:
    """ "In 2008" makes history of an act; "in May 2025" and "until 2030" may be this story's own time."""
    if any(cue.concept in ("future", "promise") and cue.where != "later" for cue in cues):
        return None
    passage, hit = scene.passage, scene.hit
    first, last = max(1, hit.act[0] - BEFORE_WORDS), min(len(passage.low), hit.act[1] + AFTER_WORDS)
    for index in range(first, last):
        word = passage.low[index]
        if not (len(word) == 4 and _YEAR.fullmatch(word) and int(word) < scene.year):
            continue
        near = passage.same_clause(index, hit.act[0]) or _leads(passage, index, hit.act[0])
        if near and any(gap == 1 for _, gap in passage.near("role:in", (index, index), 1, 0)):
            return Cue(concept="past", span=(index, index), where="right")
    return None


def _leads(passage: Passage, index: int, act: int) -> bool:
    """Does the word stand at the head of the act's sentence: "Ten years ago, ..."?"""
    if passage.sentence[index] != passage.sentence[act] or index > act:
        return False
    head = index - 5
    return head < 0 or passage.sentence[head] != passage.sentence[index]


def _cues(scene: Scene) -> Iterator[Cue]:
    hit, after = scene.hit, BEFORE_WORDS if scene.grammar.head_final else AFTER_WORDS
    for concept in sorted(CUES):
        for span, gap in scene.passage.near(f"cue:{concept}", hit.act, BEFORE_WORDS, after):
            inside = hit.act[0] <= span[0] and span[1] <= hit.act[1]
            if inside and concept not in _INSIDE:
                continue
            if hit.object and hit.object.span[0] <= span[0] <= span[1] <= hit.object.span[1]:
                continue
            cue = Cue(concept=concept, span=span, where=_where(scene, concept, span, 0 if inside else gap))
            if cue.where and (concept == "past" or not _belongs_to_another(scene, cue)):
                yield cue


def _where(scene: Scene, concept: str, span: Span, gap: int) -> str:
    passage, act, grammar = scene.passage, scene.hit.act[0], scene.grammar
    same = passage.same_clause(span[1] if span[1] < act else span[0], act)
    if gap == 0:
        return "near"
    if (span[1] < act) != grammar.head_final:
        if same:
            return "near" if gap <= NEAR_WORDS else "left"
        if concept == "past" and _leads(passage, span[0], act):
            return "aside"
        return "above" if _governs(scene, span[0]) else ""
    if same and concept == "not" and grammar.negation_follows:
        return "near"
    if same and concept in AFTER_A_VERB and grammar.modal_follows and gap <= 2:
        return "near"
    return "right" if same else "later"


def _governs(scene: Scene, cue: int) -> bool:
    """Does a cue of an earlier clause govern the act: "denied that ...", "refused, he said, to lift ..."?"""
    passage, act = scene.passage, scene.hit.act[0]
    apart = passage.clause[act] - passage.clause[cue]
    return 0 < apart <= 2 and (passage.opener[act] in _SUBORDINATE or scene.form == "infinitive")


def _belongs_to_another(scene: Scene, cue: Cue) -> bool:
    """Is another act between the cue and this one, and not joined to it by "and"?

    What governs a whole clause counts for every act but one inside another's object: who denies "the release of
    detained sailors" does not deny that they are detained.
    """
    hit = scene.hit
    others = [one for one in scene.others if not one.rule.weak and one.rule.topic != hit.rule.topic]
    if cue.where == "above":
        return any(one.span[0] < hit.act[0] and hit.act[1] < one.span[1] for one in others)
    low, high = min(cue.span[1], hit.act[1]), max(cue.span[0], hit.act[0])
    return any(low < one.act[0] and one.act[1] < high and not _joined(scene, one) for one in others)


def _joined(scene: Scene, other: Hit) -> bool:
    act, passage = scene.hit.act, scene.passage
    between = range(min(other.act[1], act[1]) + 1, max(other.act[0], act[0]))
    return any(passage.opener[index] == "and" for index in (*between, act[0]))
