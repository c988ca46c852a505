"""A text -> its words with offsets, folded forms and sentences: one pass that names and topics share."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from enrich.sentences import sentences

_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # one token a character
# Signs inside words that are no letters for `re`: combining marks, soft hyphen, zero-width joiners.
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0980-\u0983\u09bc-\u09d7\u0a01-\u0a03\u0a3c-\u0a51"
    "\u0b82\u0bbe-\u0bcd\u0c00-\u0c04\u0c3e-\u0c56\u0d3e-\u0d4d\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u00ad\u200b-\u200d"
)
_LETTERS = rf"[^\W_{_UNSPACED}]+"
_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTERS}(?:[{_MARKS}]+(?:{_LETTERS})?|['’ʼ`]{_LETTERS})*")
_ELIDED_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTERS}(?:[{_MARKS}]+(?:{_LETTERS})?)*")
_ELIDING = frozenset({"fr", "it", "ca"})  # "l'Ukraine" is two words
_FOLD = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ё": "е", "Ё": "е",
     "’": "'", "ʼ": "'", "`": "'", "İ": "i", "I": "i", "ı": "i"}
)  # fmt: skip
_UNHEARD = re.compile("[\u064b-\u065f\u0670\u0640\u00ad\u200b-\u200d]")  # short vowels, tatweel, invisible signs


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Parallel lists over the words of one text; `sentence` is an index into `sentences`."""

    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)  # exclusive
    word: list[str] = field(default_factory=list)  # as written
    low: list[str] = field(default_factory=list)  # folded
    sentence: list[int] = field(default_factory=list)
    sentences: list[tuple[int, int]] = field(default_factory=list)  # characters, closing quotes included

    def __len__(self) -> int:
        return len(self.start)


def fold(word: str) -> str:
    """The form under which words are compared: case, ё, apostrophes, dotted i and Arabic spellings are one.

    >>> fold("Ёлка"), fold("O’Brien"), fold("İstanbul"), fold("أَحمد")
    ('елка', "o'brien", 'istanbul', 'احمد')
    """
    if word.isascii():
        return word.lower().replace("`", "'")
    return _UNHEARD.sub("", word.translate(_FOLD)).casefold()


@lru_cache(maxsize=4)  # names and topics ask one after the other for title and text of one article
def tokens(text: str, language: str = "") -> Tokens:
    """Every word of the text in order. Chinese and Japanese characters are single words; hyphens part words.

    A language that elides (French, Italian) has its words parted at the apostrophe.
    """
    found = Tokens(sentences=sentences(text, language))
    start, end, word, low, sentence = found.start, found.end, found.word, found.low, found.sentence
    spans = found.sentences
    at = 0
    for match in (_ELIDED_WORD if language in _ELIDING else _WORD).finditer(text):
        first, last = match.span()
        while first >= spans[at][1]:
            at += 1
        said = match[0]
        start.append(first)
        end.append(last)
        word.append(said)
        low.append(fold(said))
        sentence.append(at)
    return found
