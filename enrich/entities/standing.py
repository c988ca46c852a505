"""A known name and the words around it -> whether it can stand for what the register says there."""

from enrich.entities.names import Reading
from enrich.entities.packs import CITY, DEMONYM, SURNAME
from enrich.entities.words import Draft

_SHORT_CAPITALS = 5
_DASHES = ("-", "–", "—", "(")
_PLACE_AT_LEAST = 36  # without capitals, a town below this needs a preposition


def stands(draft: Draft, first: int, last: int, reading: Reading) -> bool:
    """May these words be this reading of the name?

    A name of several words may. A single word may not where it is an ordinary word of the language or of this article,
    or a town that nothing but a sentence's first capital speaks for, or half of somebody's name.
    """
    words, grammar = draft.words, draft.grammar
    if last - first > 1:
        return not (reading.weak and all(words.ordinary(index) for index in range(first, last)))
    word, low = words.word[first], words.low[first]
    if word.isupper() and reading.alias == word:
        return not (words.shout[first] and len(word) <= 2 and grammar.ordinary(low))
    if grammar.uncased:
        return _stands_uncased(draft, first, reading)
    if grammar.ordinary(low) or (reading.weak and low in grammar.titles):
        return False
    if not words.capital[first]:
        return True
    if reading.known.type == "place" and low not in reading.lows and _is_adjective(draft, low):
        return False
    if reading.weak:
        return _weak_town_stands(draft, first)
    if grammar.capital_nouns and reading.strength <= CITY and first and words.low[first - 1] in grammar.articles:
        return False  # "das Essen"
    if reading.strength == SURNAME:
        return not _after_a_first_name(draft, first)
    if words.opens[first] and low in words.small and reading.strength != DEMONYM:
        return low in reading.lows and draft.words.seen_inside(low)
    return True


def _is_adjective(draft: Draft, low: str) -> bool:
    pattern = draft.grammar.country_adjective
    return pattern is not None and pattern.search(low) is not None


def _stands_uncased(draft: Draft, first: int, reading: Reading) -> bool:
    low = draft.words.low[first]
    if len(low) < 2:
        return False
    if reading.strength >= _PLACE_AT_LEAST or not reading.weak:
        return not draft.grammar.ordinary(low)
    return first > 0 and draft.words.low[first - 1] in draft.grammar.place_prepositions


def _weak_town_stands(draft: Draft, first: int) -> bool:
    words, grammar = draft.words, draft.grammar
    word, low = words.word[first], words.low[first]
    if len(low) < 4 or low in words.small:
        return False
    if _is_dateline(draft, first):
        return True
    if word.isupper() and len(word) <= _SHORT_CAPITALS and not words.shout[first]:
        return False
    if grammar.capital_nouns:
        return first > 0 and words.low[first - 1] in grammar.place_prepositions and not words.opens[first]
    if words.shout[first] or words.opens[first]:
        if low in grammar.organisation_heads or low in grammar.place_heads:
            return False
        return words.seen_inside(low) and not _has_a_capital_neighbour(draft, first)
    before = words.low[first - 1]
    if low in grammar.organisation_heads or low in grammar.place_heads or draft.is_first_name(low):
        return before in grammar.place_prepositions and not _has_a_capital_neighbour(draft, first)
    return not _has_a_capital_neighbour(draft, first)


def _is_dateline(draft: Draft, first: int) -> bool:
    """ "YORK - A plan", "GALWAY (Reuters)": the first word of the text, in capitals, and a dash."""
    words = draft.words
    line_start = first == 0 or words.field[first] != words.field[first - 1] or "\n" in words.gap[first]
    if not line_start or first + 1 >= len(words):
        return False
    return words.word[first].isupper() and words.gap[first + 1].strip(" \xa0,.").startswith(_DASHES)


def _has_a_capital_neighbour(draft: Draft, first: int) -> bool:
    words, grammar = draft.words, draft.grammar
    after = first + 1
    behind = after < len(words) and not words.opens[after] and words.gap[after] in (" ", "-", "\xa0")
    if behind and words.capital[after] and words.low[after] not in grammar.titles and not words.shout[first]:
        return True
    before = first - 1
    if before < 0 or words.opens[first] or words.gap[first] not in (" ", "-", "\xa0") or not words.capital[before]:
        return False
    if draft.owner[before] is not None or words.low[before] in grammar.titles:
        return False
    if words.low[before] in grammar.place_heads or words.low[before] in grammar.organisation_heads:
        return False
    return not words.opens[before] or not words.ordinary(before)


def _after_a_first_name(draft: Draft, first: int) -> bool:
    """ "Melania Trump" is not the one whom the surname alone names."""
    words = draft.words
    before = first - 1
    if not draft.joined(first) or draft.owner[before] is not None or not words.capital[before]:
        return False
    return words.low[before] not in draft.grammar.titles and draft.is_first_name(words.low[before])
