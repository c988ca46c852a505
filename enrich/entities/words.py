"""Title and text -> their words in one row, with what capitals, gaps and sentence starts say about each."""

import re
from collections import defaultdict
from dataclasses import dataclass
from dataclasses import field as start_with

from enrich.article import Field
from enrich.entities.grammar import Grammar
from enrich.entities.names import Names, Reading
from enrich.entities.packs import Kind
from enrich.entities.stems import candidates
from enrich.tokens import Tokens, tokens

_OPENS = frozenset(":!?…•|\n\r")  # what stands between two words so that a capital behind it says nothing
_ENDING_BEHIND_APOSTROPHE = re.compile(r"(.{2,}?)['’ʼ`]\w*")
_S_BEHIND_APOSTROPHE = re.compile(r"(.{2,})['’ʼ`]s", re.IGNORECASE)
_DASH = re.compile(r"\s[-–—]\s|\s--\s")
_LONGEST_DATELINE = 7  # words: "WASHINGTON, Oct. 3 (Reuters) - The"
_SHOUT_WORDS = 3  # a line of so many long words, most of them all capitals, says nothing by capitals
_SHOUT_SHARE = 0.7
_HEADLINE_WORDS, _HEADLINE_LETTERS, _LONGEST_HEADLINE, _HEADLINE_SHARE = 4, 5, 24, 0.85


@dataclass(slots=True)
class Words:
    """Parallel lists over the words of title and text."""

    grammar: Grammar
    texts: dict[Field, str] = start_with(default_factory=dict)
    word: list[str] = start_with(default_factory=list)  # as written, without an ending behind an apostrophe
    low: list[str] = start_with(default_factory=list)  # folded
    start: list[int] = start_with(default_factory=list)
    end: list[int] = start_with(default_factory=list)  # exclusive
    field: list[Field] = start_with(default_factory=list)
    gap: list[str] = start_with(default_factory=list)  # what stands before the word in its field
    opens: list[bool] = start_with(default_factory=list)  # at the start of a sentence, so that its capital says nothing
    capital: list[bool] = start_with(default_factory=list)
    shout: list[bool] = start_with(default_factory=list)  # in a line of capitals
    small: set[str] = start_with(default_factory=set)  # words that the article writes small somewhere
    middle: set[str] = start_with(default_factory=set)  # stems of words with a capital inside a sentence

    def __len__(self) -> int:
        return len(self.word)

    def stems_of(self, low: str) -> tuple[str, ...]:
        """Every stem that a folded form may have, itself first."""
        return candidates(low, self.grammar)

    def ordinary(self, index: int) -> bool:
        """Is it a word of the language, or one that the article itself writes small?"""
        low = self.low[index]
        return self.grammar.ordinary(low) or low in self.small

    def seen_inside(self, low: str) -> bool:
        """Does the article write this word with a capital inside a sentence?"""
        return low in self.middle or any(len(stem) > 3 and stem in self.middle for stem in self.stems_of(low))


@dataclass(slots=True, kw_only=True, eq=False)
class Found:
    """A name while it is worked on: words `first` up to, and without, `last`."""

    first: int
    last: int
    type: Kind
    rule: str
    id: str = ""  # empty: no register knows it
    name: str = ""
    strength: int = 0
    readings: tuple[Reading, ...] = ()  # the best first
    same: "Found | None" = None  # the fuller name that it is short for

    def __len__(self) -> int:
        return self.last - self.first


class Draft:
    """The words of an article and the names found in them so far; a word belongs to one name."""

    def __init__(self, words: Words, names: Names) -> None:
        self.words, self.names = words, names
        self.grammar = words.grammar
        self._first_names: dict[str, bool] = {}
        self.owner: list[Found | None] = [None] * len(words)

    def put(self, found: Found) -> None:
        """Take the words for this name; names that stood on them are gone."""
        for index in range(found.first, found.last):
            self.drop(self.owner[index])
            self.owner[index] = found

    def drop(self, found: Found | None) -> None:
        """Give the words of this name back."""
        if found is not None:
            for index in range(found.first, found.last):
                if self.owner[index] is found:
                    self.owner[index] = None

    def found(self) -> list[Found]:
        """The names in order."""
        return list(dict.fromkeys(one for one in self.owner if one is not None))

    def starts(self, index: int) -> Found | None:
        """The name that starts with this word."""
        one = self.owner[index] if index < len(self.owner) else None
        return one if one is not None and one.first == index else None

    def joined(self, index: int) -> bool:
        """Does this word follow the one before it with nothing but a space between?"""
        return 0 < index < len(self.words) and not self.words.opens[index] and self.words.gap[index] in (" ", "\xa0")

    def is_first_name(self, low: str) -> bool:
        known = self._first_names.get(low)
        if known is None:
            known = self._first_names[low] = self.names.is_first_name(low, self.grammar)
        return known


def read(title: str, text: str, grammar: Grammar) -> Words:
    """The words of an article."""
    words = Words(grammar)
    for name, said in (("title", title), ("text", text)):
        _read_field(words, "title" if name == "title" else "text", said)
    _mark_shouting(words)
    for index, low in enumerate(words.low):
        if not words.capital[index]:
            words.small.add(low)
    for index, low in enumerate(words.low):
        if words.capital[index] and not words.opens[index] and not words.shout[index] and low not in words.small:
            words.middle.update(stem for stem in words.stems_of(low) if len(stem) > 2)
    return words


def _read_field(words: Words, name: Field, text: str) -> None:
    words.texts[name] = text
    found = tokens(text, words.grammar.language)
    first = len(words)
    words.word += found.word
    words.low += found.low
    words.start += found.start
    words.end += found.end
    words.field += [name] * len(found)
    words.shout += [False] * len(found)
    words.capital += [word[0].isupper() for word in found.word]
    _read_gaps(words, found, text)
    for index in range(first, len(words)):
        if "'" in words.low[index]:
            _cut_ending(words, index)


def _read_gaps(words: Words, found: Tokens, text: str) -> None:
    """What stands before each word, and whether that opens a sentence."""
    before, sentence = 0, -1
    offset = line = len(words) - len(found)
    for index, (start, end, at) in enumerate(zip(found.start, found.end, found.sentence, strict=True), offset):
        gap = text[before:start]
        opens = at != sentence
        if gap != " ":
            line = index if "\n" in gap else line
            opens = opens or not _OPENS.isdisjoint(gap)
            opens = opens or (_DASH.search(gap) is not None and _is_dateline(words, line, index))
        words.gap.append(gap)
        words.opens.append(opens)
        before, sentence = end, at


def _is_dateline(words: Words, line: int, index: int) -> bool:
    """ "MINSK - Belarus": do the line's words so far name where the text was written?"""
    return 0 < index - line <= _LONGEST_DATELINE and words.word[line].isupper() and len(words.word[line]) > 2


def _cut_ending(words: Words, index: int) -> None:
    """Leave off an ending behind an apostrophe: "Minsk's", "Minsk'te"; what it stands in stays as it is: "O'Brien"."""
    word, grammar = words.word[index], words.grammar
    cut = (_ENDING_BEHIND_APOSTROPHE if grammar.apostrophe_endings else _S_BEHIND_APOSTROPHE).fullmatch(word)
    if cut is None or (grammar.endings and not grammar.apostrophe_endings):
        return
    length = len(cut[1])
    if word[length + 1 : length + 2].isupper() and not word.isupper():
        return
    words.word[index], words.low[index] = cut[1], words.low[index][:length]
    words.end[index] = words.start[index] + length


def _is_headline(words: Words, members: list[int]) -> bool:
    """ "Treasury Lifts Sanctions on Carrier": a line of its own in which nearly every longer word has a capital."""
    long = [index for index in members if len(words.low[index]) >= _HEADLINE_LETTERS]
    if len(long) < _HEADLINE_WORDS or len(members) > _LONGEST_HEADLINE:
        return False
    return sum(words.capital[index] for index in long) > _HEADLINE_SHARE * len(long)


def _mark_shouting(words: Words) -> None:
    lines: dict[int, list[int]] = defaultdict(list)
    line = 0
    for index, gap in enumerate(words.gap):
        if "\n" in gap or (index and words.field[index] != words.field[index - 1]):
            line += 1
        lines[line].append(index)
    for members in lines.values():
        if words.grammar.title_case and _is_headline(words, members):
            for index in members:
                words.shout[index] = True
            continue
        long = [index for index in members if len(words.word[index]) > 2]
        if len(long) >= _SHOUT_WORDS and sum(words.word[index].isupper() for index in long) > _SHOUT_SHARE * len(long):
            for index in members:
                words.shout[index] = True
