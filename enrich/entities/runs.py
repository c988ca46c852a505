"""A draft -> unknown names: runs of words with capitals, where something speaks for them being a name."""

from enrich.entities.kinds import is_no_name, kind
from enrich.entities.words import Draft, Found

_JOINS = frozenset({" ", "-", "\xa0", "&", " & ", ".", "‑"})
_BEHIND_INITIALS = frozenset({". ", ".\xa0"})
_LONGEST_ACRONYM, _LONGEST_CAPITALS = 5, 6
_MOST_WORDS = 8


def find_runs(draft: Draft) -> None:
    """Put the unknown names of a language whose capitals mean names."""
    index = 0
    while index < len(draft.words):
        if not free_capital(draft, index) or (draft.words.shout[index] and not _seen_as_name(draft, index)):
            index += 1
            continue
        last = run_end(draft, index)
        first = _stripped(draft, index, last)
        if first < last:
            _put(draft, first, last)
        index = max(last, index + 1)


def _seen_as_name(draft: Draft, index: int) -> bool:
    """In a line whose capitals say nothing: does the article write this very word with a capital inside a sentence?"""
    return draft.words.low[index] in draft.words.middle


def free_capital(draft: Draft, index: int) -> bool:
    """Is it a word with a capital that belongs to no name yet?"""
    return draft.words.capital[index] and draft.owner[index] is None


def run_end(draft: Draft, first: int) -> int:
    """Where the run of capitals ends that starts here."""
    words = draft.words
    index = first + 1
    while index < len(words) and index - first < _MOST_WORDS and draft.owner[index] is None and _joined(draft, index):
        if words.capital[index]:
            if _breaks(draft, index) or (words.shout[index] and not _seen_as_name(draft, index)):
                break
            index += 1
        elif _connects(draft, first, index) and _name_goes_on(draft, index + 1):
            index += 2
        else:
            break
    return index


def _connects(draft: Draft, first: int, index: int) -> bool:
    low, grammar = draft.words.low[index], draft.grammar
    return low in grammar.particles or (low in grammar.connectives and _is_office(draft, first, index))


def _is_office(draft: Draft, first: int, index: int) -> bool:
    """ "Department of Health and Human Services": a head, and a second connective only behind a first one."""
    words, grammar = draft.words, draft.grammar
    if not any(low in grammar.organisation_heads for low in words.low[first:index]):
        return False
    return words.low[index] != "and" or not grammar.connectives.whole.isdisjoint(words.low[first:index])


def _joined(draft: Draft, index: int) -> bool:
    words = draft.words
    if words.opens[index] or words.field[index] != words.field[index - 1]:
        return False
    gap, before = words.gap[index], words.word[index - 1]
    return gap in _JOINS or (gap in _BEHIND_INITIALS and len(before) <= 2 and before[0].isupper())


def _name_goes_on(draft: Draft, index: int) -> bool:
    words = draft.words
    return index < len(words) and free_capital(draft, index) and words.gap[index] in (" ", "-")


def _breaks(draft: Draft, index: int) -> bool:
    """Does another name start here: another script, an acronym before it, an ordinary word?"""
    words, grammar = draft.words, draft.grammar
    if words.gap[index] != " ":
        return False
    word, low, before = words.word[index], words.low[index], words.word[index - 1]
    if word[0].isascii() != before[0].isascii() and (grammar.adjective is not None or not word[0].isalpha()):
        return word[0] > "\u036f" or before[0] > "\u036f"
    if before.isupper() and len(before) > 1 and not word.isupper():
        return word[0] > "\u036f" or draft.is_first_name(low)
    if low in grammar.function_words or low in grammar.months:
        return True
    return low in words.small and low not in grammar.organisation_heads and low not in grammar.titles


def _behind_a_title(draft: Draft, first: int, last: int) -> int:
    """ "District Judge Loretta Preska": a title inside the run with a first name behind it ends what is before it."""
    words = draft.words
    for index in range(last - 2, first, -1):
        named = draft.is_first_name(words.low[index + 1]) or words.low[first] in draft.grammar.place_heads
        if named and words.low[index] in draft.grammar.titles:
            return index + 1
    return first


def _stripped(draft: Draft, first: int, last: int) -> int:
    """The run's start without titles and the ordinary words that open a sentence."""
    words, grammar = draft.words, draft.grammar
    first = _behind_a_title(draft, first, last)
    while first < last:
        low = words.low[first]
        if (
            (low in grammar.titles and (first + 1 < last or words.opens[first] or low in words.small))
            or not words.capital[first]
            or grammar.ordinary(low)
            or (words.opens[first] and low in grammar.openers and first + 1 == last)
            or (words.opens[first] and (low in words.small or len(low) == 1) and not _opens_a_name(draft, first, last))
            or (words.opens[first] and _stands_before_a_person(draft, first, last))
        ):
            first += 1
        else:
            break
    return first


def _stands_before_a_person(draft: Draft, first: int, last: int) -> bool:
    """ "Portal Daniel Harwick": the second of three words is a first name and the first is none."""
    words = draft.words
    if last - first < 3 or words.gap[first + 1] != " " or words.word[first].isupper():
        return False
    return draft.is_first_name(words.low[first + 1]) and not draft.is_first_name(words.low[first])


def _opens_a_name(draft: Draft, first: int, last: int) -> bool:
    low = draft.words.low[first]
    return low not in draft.words.small and first + 1 < last and draft.is_first_name(low)


def _put(draft: Draft, first: int, last: int) -> None:
    words, grammar = draft.words, draft.grammar
    if last - first == 1:
        word, low = words.word[first], words.low[first]
        if is_no_name(word, draft) or grammar.ordinary(low) or low in grammar.titles:
            return
        if word.isupper() and len(word) > _LONGEST_CAPITALS:
            return
        if words.opens[first] and (not has_evidence(draft, first, last) or _is_adjective(draft, first)):
            return
        if not grammar.known and not (word.isupper() or draft.is_first_name(low)):
            return
    elif all(is_no_name(word, draft) for word in words.word[first:last]) or (
        not grammar.known and words.opens[first] and not has_evidence(draft, first, last)
    ):
        return
    said, rule = kind(draft, first, last)
    if rule == "organisation-head":
        last = _with_place(draft, last)
    draft.put(Found(first=first, last=last, type=said, rule=rule))


def _with_place(draft: Draft, last: int) -> int:
    """ "Bank" and "of Canada"."""
    if not draft.grammar.connectives.whole or not draft.joined(last) or draft.words.low[last] != "of":
        return last
    place = draft.starts(last + 1) if draft.joined(last + 1) else None
    return place.last if place is not None and place.type == "place" else last


def _is_adjective(draft: Draft, index: int) -> bool:
    """ "Ruský prezident" at a sentence's start: an adjective before its noun, and no surname that looks like one."""
    words, pattern = draft.words, draft.grammar.adjective
    if pattern is None or not pattern.search(words.low[index]) or not draft.joined(index + 1):
        return False
    after = words.low[index + 1]
    ordinary = words.capital[index + 1] or after in draft.grammar.speech or after in draft.grammar.function_words
    return not ordinary and words.low[index] not in words.middle


def has_evidence(draft: Draft, first: int, last: int) -> bool:
    """Does anything beside the capital of a sentence's start speak for a name?"""
    words, grammar = draft.words, draft.grammar
    word, low = words.word[first], words.low[first]
    if words.seen_inside(low):
        return True
    if (word.isupper() and len(word) <= _LONGEST_ACRONYM) or any(sign.isupper() for sign in word[1:]):
        return True
    if grammar.adjective is not None and word[0].isascii() and grammar.language in ("ru", "uk", "bg"):
        return True
    if last < len(words) and draft.joined(last) and words.low[last] in grammar.speech:
        return True
    return draft.is_first_name(low)
