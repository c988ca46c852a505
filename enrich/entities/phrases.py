"""A draft -> organisations named by a description: ministries, courts, parliaments, with the country behind them."""

from enrich.entities.words import Draft, Found

_MOST_WORDS_OF_A_MINISTRY = 6
_CONJUNCTIONS = frozenset(["и", "на", "та", "a", "i", "in", "pro", "za"])


def find_phrases(draft: Draft) -> None:
    """Put descriptive organisations into the draft, each with the place directly behind it."""
    if draft.grammar.adjective is None:
        return
    words, grammar = draft.words, draft.grammar
    index, count = 0, len(words)
    small = (*grammar.ministries.starts, *grammar.courts.starts)
    while index < count:
        may_start = not words.shout[index] and (words.capital[index] or words.low[index].startswith(small))
        last = _end(draft, index) if may_start else 0
        if last:
            last = _with_country(draft, last)
            draft.put(Found(first=index, last=last, type="organisation", rule="description"))
        index = max(last, index + 1)


def _end(draft: Draft, index: int) -> int:
    """Where the description ends that starts here, without its country; 0 where none does."""
    words, grammar = draft.words, draft.grammar
    if draft.owner[index] is not None:
        return 0
    low = words.low[index]
    if low in grammar.ministries:
        return _ministry(draft, index)
    if not draft.joined(index + 1):
        return 0
    after = draft.starts(index + 1)
    if words.capital[index] and low in grammar.country_heads and _written_alike(draft, index):
        return index + 1 if after is not None and after.type == "place" else 0
    if draft.owner[index + 1] is not None or words.capital[index + 1]:
        return 0
    if words.low[index + 1] not in grammar.institutions:
        return 0
    institution = low in grammar.institution_adjectives
    if words.capital[index]:
        described = bool(grammar.adjective and grammar.adjective.search(low))
        plain = not words.opens[index] and not grammar.ordinary(low)
        return index + 2 if described and (plain or institution) else 0
    return index + 2 if low in grammar.courts and words.low[index + 1] in grammar.court_heads else 0


def _written_alike(draft: Draft, index: int) -> bool:
    word = draft.words.word[index]
    return word.isupper() or not word[1:2].isupper()


def _ministry(draft: Draft, index: int) -> int:
    words, grammar = draft.words, draft.grammar
    last = index + 1
    while last < len(words) and last - index < _MOST_WORDS_OF_A_MINISTRY:
        if not draft.joined(last) or draft.owner[last] is not None or words.low[last] not in grammar.ministry_tails:
            break
        last += 1
    while last > index + 1 and words.low[last - 1] in _CONJUNCTIONS:
        last -= 1
    return last if last > index + 1 else 0


def _with_country(draft: Draft, last: int) -> int:
    """The country directly behind belongs to the name."""
    words = draft.words
    if not draft.joined(last):
        return last
    place = draft.starts(last)
    preposition = draft.grammar.country_preposition
    if place is None and preposition and words.low[last] == preposition and draft.joined(last + 1):
        place = draft.starts(last + 1)
    return place.last if place is not None and place.type == "place" and len(place) <= 3 else last
