"""Text or query words -> folded tokens with their places: no white space, no ASCII but a-z and 0-9."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

VERSION = 1  # stands with every index; another version means indexing again
LONGEST = 64
REMEMBERED = 1 << 16  # pieces of text, and words
LONGEST_REMEMBERED = 32  # characters; what is longer seldom comes again, and hostile texts are full of it
GAP = "\u241e"  # stands between title and text, so that no phrase reaches across
MAX_SLOP = 10


class Token(NamedTuple):
    start: int  # characters into the text
    end: int
    word: str  # folded


def _class(wanted: str, besides: str = "", without: str = "") -> str:
    """The inside of a character class with every character of the categories `wanted`; none of them is ASCII."""
    codes = [
        code
        for code in chain(range(0x80, 0x20000), range(0xE0000, 0xE0200))  # between them stand only Han and nothing
        if (unicodedata.category(sign := chr(code)) in wanted.split() or sign in besides) and sign not in without
    ]
    out, at = [], 0
    while at < len(codes):
        end = at
        while end + 1 < len(codes) and codes[end + 1] == codes[end] + 1:
            end += 1
        out.append(f"{re.escape(chr(codes[at]))}-{re.escape(chr(codes[end]))}")
        at = end + 1
    return "".join(out)


UNSPACED = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
)
JOINED = _class("Mn Mc Me Cf", besides="\u0640")  # marks and format signs continue a word, tatweel too
SYMBOLS = _class("So Sk", without=GAP)
APOSTROPHES = "'’ʼ`´"
_LETTER = rf"[^\W_{UNSPACED}]"
_LETTERS_JOINED = rf"{_LETTER}++(?:[{JOINED}]++{_LETTER}*+)*+"
_WORD = re.compile(rf"[{UNSPACED}][{JOINED}]*+|{_LETTERS_JOINED}(?:[{APOSTROPHES}]{_LETTERS_JOINED})*+|[{SYMBOLS}]")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_APOSTROPHE = re.compile(f"[{APOSTROPHES}]")
_ELISIONS = frozenset(
    ("l d j m t s n c qu jusqu lorsqu puisqu quoiqu dell all nell sull dall un quest coll gl").split()  # noqa: SIM905
)
_LETTERS = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th",
        "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ٱ": "ا",
    }
)  # fmt: skip
_DROPPED = re.compile(
    "[\ufe00-\ufe0f\u20d0-\u20ff\U000e0100-\U000e01ef"
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06ed\u0640]"
    f"|[{_class('Cf')}]"
)


def fold(piece: str) -> tuple[str, ...]:
    """A piece without case, apostrophes, format signs and marks of Latin, Greek, Cyrillic, Arabic and Hebrew.

    Signs that stand for several words give several; folding a word again changes nothing.

    >>> fold("Łukaszenką"), fold("STRASSE"), fold("O’Brien"), fold("١٢"), fold("½")
    (('lukaszenka',), ('strasse',), ('obrien',), ('12',), ('1', '2'))
    """
    return _known(piece) if len(piece) <= LONGEST_REMEMBERED else _fold(piece)


def _fold(piece: str) -> tuple[str, ...]:
    if piece.isascii():
        word = "".join(filter(str.isalnum, piece.lower()))
        return (word[:LONGEST],) if word else ()
    plain = unicodedata.normalize("NFKC", _bare(_bare(_APOSTROPHE.sub("", piece))))
    return tuple(part[:LONGEST] for part in _WORD.findall("".join(map(_digit, _APOSTROPHE.sub("", plain)))))


_known = lru_cache(REMEMBERED)(_fold)


def _bare(piece: str) -> str:
    return _DROPPED.sub("", unicodedata.normalize("NFKD", piece.casefold())).translate(_LETTERS)


def _digit(sign: str) -> str:
    value = unicodedata.decimal(sign, None)
    return sign if value is None else str(value)


def tokens(text: str) -> Iterator[Token]:
    """The words in order. Apostrophes join ("it's" is its) but part after an elision ("l'accord" is l, accord)."""
    for found in _WORD.finditer(text):
        start, end = found.span()
        piece = found.group()
        apostrophe = _APOSTROPHE.search(piece)
        if apostrophe and (elided := fold(piece[: apostrophe.start()])) and elided[0] in _ELISIONS:
            yield Token(start, start + apostrophe.start(), elided[0])
            start += apostrophe.end()
            piece = piece[apostrophe.end() :]
        for word in fold(piece):
            yield Token(start, end, word)


def words(text: str) -> list[str]:
    """The folded words of `text`.

    >>> words("O'Brien: l'accord, 制裁")
    ['obrien', 'l', 'accord', '制', '裁']
    """
    # White space ends every word, and most of what stands between two spaces was read before.
    pieces = (_words_of(piece) if len(piece) <= LONGEST_REMEMBERED else _read(piece) for piece in text.split())
    return list(chain.from_iterable(pieces))


def _read(piece: str) -> tuple[str, ...]:
    return tuple(token.word for token in tokens(piece))


_words_of = lru_cache(REMEMBERED)(_read)


def unspaced(word: str) -> bool:
    """Whether the script is written without spaces, one token a character."""
    return bool(_UNSPACED.match(word))
