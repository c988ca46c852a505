"""An unknown name and the words around it -> what kind of thing it is, and what says so."""

import re

from enrich.entities.packs import Kind
from enrich.entities.words import Draft

_QUOTES = {'"': '"', "„": '“”"', "«": '»“"', "“": '”"“', "»": "«", "”": "”", "‘": "’"}
_MOST_WORDS_IN_QUOTES = 4
_MOST_WORDS_OF_A_PERSON = 3
ROMAN = re.compile(r"X{0,3}(IX|IV|V?I{0,3})")


def kind(draft: Draft, first: int, last: int) -> tuple[Kind, str]:
    """The kind and the rule; a person where nothing else is said."""
    words, grammar = draft.words, draft.grammar
    lows = words.low[first:last]
    count = last - first
    before = words.low[first - 1] if first and not words.opens[first] else ""
    if lows[0] in grammar.organisation_heads and not draft.is_first_name(lows[0]):
        return "organisation", "organisation-head"
    if lows[-1] in grammar.organisation_tails or any(low in grammar.organisation_heads for low in lows[1:]):
        return "organisation", "organisation-head"
    if count <= _MOST_WORDS_IN_QUOTES and _quoted(draft, first, last):
        return "organisation", "quoted"
    if count > 1 and lows[0] in grammar.place_heads:
        return "place", "place-head"
    if count > 1 and draft.is_first_name(lows[0]):
        return "person", "first-name"
    if before in grammar.place_heads:
        return "place", "place-head"
    if before in grammar.titles:
        return "person", "title"
    return _by_writing(draft, first, last, before)


def _by_writing(draft: Draft, first: int, last: int, before: str) -> tuple[Kind, str]:
    words, grammar = draft.words, draft.grammar
    count = last - first
    if any(word.isupper() and len(word) > (2 if count > 1 else 1) for word in words.word[first:last]):
        return "organisation", "acronym"
    if last < len(words) and not words.opens[last] and words.low[last] in grammar.speech:
        return "person", "speech"
    if _in_cyrillic(draft) and words.word[first][0].isascii():
        return "organisation", "other-script"
    if before in grammar.organisation_heads:
        return "organisation", "organisation-head"
    if count == 1:
        return _single(draft, first, before)
    return ("person", "run") if count <= _MOST_WORDS_OF_A_PERSON else ("organisation", "long-run")


def _single(draft: Draft, first: int, before: str) -> tuple[Kind, str]:
    if before in draft.grammar.place_prepositions:
        return "place", "preposition"
    if draft.is_first_name(draft.words.low[first]):
        return "person", "first-name"
    if any(sign.isupper() for sign in draft.words.word[first][1:]):
        return "organisation", "capitals-inside"
    return ("person" if draft.grammar.endings else "other"), "single"


def _in_cyrillic(draft: Draft) -> bool:
    return draft.grammar.language in ("ru", "uk", "bg", "be", "sr", "mk", "kk")


def _quoted(draft: Draft, first: int, last: int) -> bool:
    words = draft.words
    text = words.texts[words.field[first]]
    start, end = words.start[first], words.end[last - 1]
    return start > 0 and end < len(text) and text[end] in _QUOTES.get(text[start - 1], "")


def is_no_name(word: str, draft: Draft) -> bool:
    """Letters, numerals, currencies and the like, that name nobody."""
    return len(word) == 1 or word in draft.grammar.no_names or bool(ROMAN.fullmatch(word)) or word.isdigit()
