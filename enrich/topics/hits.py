"""A passage and the rules -> every place that may tell a topic: an act, with its object where it has one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from enrich.article import Mention
from enrich.topics.passage import Passage, Span
from enrich.topics.rules import Rule, Rules

CLAUSE_WORDS = 25  # no clause is looked at further than this
MOST_WORDS_TO_A_NAME = 5
_OTHER_CLAUSE = 4  # an object in another clause costs as much as so many words
_ALONE = 99  # an act without an object is further than any object


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A mention, as words of the passage."""

    span: Span
    mention: Mention


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    concept: str  # or "name"
    span: Span
    gap: int
    same_clause: bool
    mention: Mention | None = None

    @property
    def cost(self) -> int:
        return self.gap + (0 if self.same_clause else _OTHER_CLAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    rule: Rule
    act: Span
    concept: str  # of the act
    object: Object | None

    @property
    def family(self) -> str:
        return self.rule.topic.partition(".")[0]

    @property
    def span(self) -> Span:
        """The act and its object, and what stands between them."""
        if self.object is None:
            return self.act
        return min(self.act[0], self.object.span[0]), max(self.act[1], self.object.span[1])


def named(passage: Passage, mentions: Sequence[Mention]) -> list[Named]:
    """The mentions of this field that stand on whole words, in order."""
    found: list[Named] = []
    first = 0
    for mention in sorted((one for one in mentions if one.field == passage.field), key=lambda one: one.start):
        while first < len(passage.end) and passage.end[first] <= mention.start:
            first += 1
        last = first
        while last + 1 < len(passage.start) and passage.start[last + 1] < mention.end:
            last += 1
        if first < len(passage.start) and passage.start[first] < mention.end:
            found.append(Named(span=(first, last), mention=mention))
    return found


def hits(passage: Passage, names: Sequence[Named], rules: Rules) -> list[Hit]:
    """Every act that a rule accepts, in order; one for a topic and an act: the one with the closest object."""
    by_word = {index: name for name in names for index in range(name.span[0], name.span[1] + 1)}
    best: dict[tuple[str, int], Hit] = {}
    for rule in rules.rules:
        for hit in _of_rule(passage, by_word, rule):
            key = (rule.topic, hit.act[0])
            if key not in best or _rank(hit) < _rank(best[key]):
                best[key] = hit
    return sorted(_without_echoes(passage, list(best.values())), key=lambda hit: (hit.span, hit.rule.topic))


def _of_rule(passage: Passage, by_word: dict[int, Named], rule: Rule) -> Iterator[Hit]:
    for concept in rule.act:
        for act in passage.at.get(concept, ()):
            found = _object(passage, by_word, rule, act) if rule.object else None
            if rule.object and found is None:
                continue
            if not (_ties(passage, act) or _taken(passage, rule, act) or _other_sense(passage, rule, act, found)):
                yield Hit(rule=rule, act=act, concept=concept, object=found)


def _object(passage: Passage, by_word: dict[int, Named], rule: Rule, act: Span) -> Object | None:
    found = [
        Object(concept=concept, span=span, gap=gap, same_clause=passage.same_clause(span[0], act[0]))
        for concept in rule.object
        for span, gap in passage.near(concept, act, rule.far, rule.far)
        if gap > 0 or act[0] < span[0] <= span[1] < act[1]  # "nahm drei Verdächtige fest"
    ]
    found += _names(passage, by_word, rule, act)
    return min(
        (one for one in found if one.same_clause or one.gap <= rule.across),
        key=lambda one: (one.cost, one.span),
        default=None,
    )


def _names(passage: Passage, by_word: dict[int, Named], rule: Rule, act: Span) -> Iterator[Object]:
    """A person, say, right beside the act: "released Maria Kolesnikova"."""
    if not rule.names:
        return
    first, last = max(0, act[0] - MOST_WORDS_TO_A_NAME), min(len(passage.low), act[1] + 1 + MOST_WORDS_TO_A_NAME)
    for index in range(first, last):
        name = by_word.get(index)
        if name is None or name.mention.type not in rule.names or name.mention.weak:
            continue
        if passage.same_clause(index, act[0]) and not act[0] <= index <= act[1]:
            gap = index - act[1] if index > act[1] else act[0] - index
            yield Object(concept="name", span=name.span, gap=gap + 1, same_clause=True, mention=name.mention)


def _ties(passage: Passage, act: Span) -> bool:
    """Is the word part of a phrase like "in exchange for"? Then nobody was exchanged."""
    return any(span[0] < span[1] for span, gap in passage.near("cue:exchange", act, 0, 0) if gap == 0)


def _taken(passage: Passage, rule: Rule, act: Span) -> bool:
    """Does another act of the clause take the object: "extends the sanctions imposed in 2020"?"""
    return any(
        passage.same_clause(span[0], act[0])
        for concept in rule.unless
        for span, _ in passage.near(concept, act, rule.far, rule.far)
    )


def _other_sense(passage: Passage, rule: Rule, act: Span, found: Object | None) -> bool:
    for concept in rule.silent_near:
        for span, gap in passage.near(concept, act, CLAUSE_WORDS, CLAUSE_WORDS):
            if gap <= 5 or passage.same_clause(span[0], act[0]):
                return True
        if found is not None and any(True for _ in passage.near(concept, found.span, 3, 3)):
            return True
    return False


def _rank(hit: Hit) -> tuple[bool, int, int]:
    return hit.rule.weak, hit.object.cost if hit.object else _ALONE, hit.act[0] - hit.act[1]


def _without_echoes(passage: Passage, found: list[Hit]) -> Iterator[Hit]:
    """A bare mention says nothing new in a sentence where an act of its family says it."""
    told = {(hit.family, passage.sentence[hit.act[0]]) for hit in found if not hit.rule.weak}
    for hit in found:
        if not hit.rule.weak or (hit.family, passage.sentence[hit.act[0]]) not in told:
            yield hit
