"""A title or a text -> its words with sentences, clauses and the concepts that a pack sees in them."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from enrich.article import Field
from enrich.tokens import tokens
from enrich.topics.packs import LanguagePack
from enrich.topics.patterns import NEVER, Phrase, Vocabulary

MOST_WORDS_IN_A_PHRASE = 24  # no pattern is longer
_CLAUSE_SIGNS = frozenset(",;:()[]–—،؛、，：；|")

Span = tuple[int, int]  # the first and the last word, both inclusive


@dataclass(slots=True, kw_only=True)
class Passage:
    """Parallel lists over the words of one field."""

    field: Field
    text: str
    sentences: list[tuple[int, int]]  # characters
    low: list[str] = dataclass_field(default_factory=list)
    start: list[int] = dataclass_field(default_factory=list)
    end: list[int] = dataclass_field(default_factory=list)
    sentence: list[int] = dataclass_field(default_factory=list)
    clause: list[int] = dataclass_field(default_factory=list)
    opener: list[str] = dataclass_field(default_factory=list)  # the kind of conjunction that opens the word's clause
    at: dict[str, list[Span]] = dataclass_field(default_factory=dict)  # concept -> where it stands, in order
    scale: int = 1  # how many of these words make one word of other languages
    exact: set[tuple[str, int]] = dataclass_field(default_factory=set)  # concept, word: the pattern is the form

    def near(self, concept: str, around: Span, before: int, after: int) -> Iterator[tuple[Span, int]]:
        """Places of a concept in the same sentence, at most so many words away, with their distance."""
        places = self.at.get(concept)
        if not places:
            return
        first, last = around
        before, after = before * self.scale, after * self.scale
        lowest, highest = first - before - MOST_WORDS_IN_A_PHRASE, last + after
        for index in range(bisect_left(places, (lowest, lowest)), len(places)):
            place = places[index]
            if place[0] > highest:
                return
            if self.sentence[place[0]] != self.sentence[first]:
                continue
            gap = place[0] - last if place[0] > last else first - place[1] if place[1] < first else 0
            if gap <= (before if place[1] < first else after):
                yield place, -(-gap // self.scale)

    def same_clause(self, one: int, other: int) -> bool:
        return self.clause[one] == self.clause[other]

    def asks(self, word: int) -> bool:
        """Is the sentence of this word a question?"""
        start, end = self.sentences[self.sentence[word]]
        return any(sign in self.text[max(start, end - 3) : end + 1] for sign in "?？؟")


def read(name: Field, text: str, pack: LanguagePack) -> Passage:
    """The words of a field, their clauses and concepts."""
    found = tokens(text, pack.language)
    passage = Passage(
        field=name, text=text, sentences=found.sentences,
        low=found.low, start=found.start, end=found.end, sentence=found.sentence,
        scale=2 if pack.grammar.characters else 1,
    )  # fmt: skip
    _mark_concepts(passage, pack.vocabulary)
    _mark_clauses(passage)
    return passage


def _mark_concepts(passage: Passage, vocabulary: Vocabulary) -> None:
    meanings = [vocabulary.meaning(word) for word in passage.low]
    silenced: set[int] = set()
    spans: list[tuple[str, int, int]] = []
    for index, meaning in enumerate(meanings):
        if NEVER in meaning.concepts:
            silenced.add(index)
        for phrase in meaning.phrases:
            last = _fit(passage, vocabulary, phrase, index)
            if last is None:
                continue
            if phrase.concept == NEVER:
                silenced.update(range(index, last + 1))
            else:
                spans.append((phrase.concept, index, last))
    for index, meaning in enumerate(meanings):
        if index not in silenced:
            for concept in meaning.concepts:
                passage.at.setdefault(concept, []).append((index, index))
                if concept in meaning.exact:
                    passage.exact.add((concept, index))
    for concept, first, last in spans:
        if not any(index in silenced for index in range(first, last + 1)):
            passage.at.setdefault(concept, []).append((first, last))
    for places in passage.at.values():
        places.sort()
    _keep_longest_cues(passage)


def _fit(passage: Passage, vocabulary: Vocabulary, phrase: Phrase, index: int) -> int | None:
    last = index
    for atom in phrase.rest:
        for place in range(last + 1, min(last + 2 + atom.reach, len(passage.low))):
            if passage.sentence[place] == passage.sentence[index] and atom.fits(
                vocabulary.meaning(passage.low[place]).variants
            ):
                last = place
                break
        else:
            return None
    return last


def _keep_longest_cues(passage: Passage) -> None:
    """ "Does not rule out" is one cue; the "not" and the "rule out" inside it are none."""
    cues = [concept for concept in passage.at if concept.startswith("cue:")]
    covered: dict[int, tuple[int, str]] = {}  # word -> length and concept of the longest cue over it
    for concept in cues:
        for first, last in passage.at[concept]:
            for index in range(first, last + 1):
                if last - first > covered.get(index, (0, ""))[0]:
                    covered[index] = (last - first, concept)
    if not covered:
        return
    for concept in cues:
        passage.at[concept] = [
            (first, last)
            for first, last in passage.at[concept]
            if all(covered.get(index, (0, ""))[0] <= last - first for index in range(first, last + 1))
        ]


def _mark_clauses(passage: Passage) -> None:
    openers: dict[int, str] = {}
    inside = {  # "так и не" is one cue, and its "и" opens nothing
        index
        for concept, places in passage.at.items()
        if concept.startswith("cue:")
        for first, last in places
        for index in range(first + 1, last + 1)
    }
    for concept, places in passage.at.items():
        if concept.startswith("clause:"):
            for first, _ in places:
                if first not in inside:
                    openers.setdefault(first, concept.removeprefix("clause:"))
    clause, opener = 0, ""
    for index in range(len(passage.low)):
        fresh = index == 0 or passage.sentence[index] != passage.sentence[index - 1]
        if fresh or index in openers or _parts(passage.text, passage.end[index - 1], passage.start[index]):
            clause, opener = clause + 1, openers.get(index, "")
        passage.clause.append(clause)
        passage.opener.append(opener)


def _parts(text: str, end: int, start: int) -> bool:
    """Does what stands between two words part clauses? A comma inside 1,226 does not."""
    gap = text[end:start]
    if len(gap) < 2:
        return bool(gap) and gap in "()[]—;"
    return " - " in gap or any(sign in _CLAUSE_SIGNS for sign in gap)
