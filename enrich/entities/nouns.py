"""A draft in a language whose nouns all have capitals -> the unknown names that other evidence speaks for."""

from collections import Counter
from dataclasses import dataclass

from enrich.entities.kinds import is_no_name, kind
from enrich.entities.runs import free_capital, run_end
from enrich.entities.words import Draft, Found

_LONGEST_ACRONYM = 6
_MOST_WORDS = 3
_REPEATED = 2


@dataclass(frozen=True, slots=True)
class Nouns:
    """The words with capitals of an article."""

    times: Counter[str]
    behind_articles: frozenset[str]  # "the minister": no name stands so


def _count(draft: Draft) -> Nouns:
    words, articles = draft.words, draft.grammar.articles
    capitals = [index for index, capital in enumerate(words.capital) if capital]
    behind = {words.low[index] for index in capitals if index and words.low[index - 1] in articles}
    return Nouns(Counter(words.low[index] for index in capitals), frozenset(behind))


def find_among_nouns(draft: Draft) -> None:
    """Put names behind a title or a first name, names that the article repeats without an article, and acronyms."""
    nouns = _count(draft)
    index = 0
    while index < len(draft.words):
        if not free_capital(draft, index):
            index += 1
            continue
        last = run_end(draft, index)
        _run(draft, index, last, nouns)
        index = last
    _find_surnames(draft)


def _find_surnames(draft: Draft) -> None:
    """Put the words that are forms of the last name of a person whom the article names in full."""
    words = draft.words
    people = [one for one in draft.found() if one.type == "person" and (len(one) > 1 or one.rule == "title")]
    stems = {stem for one in people for stem in words.stems_of(words.low[one.last - 1]) if len(stem) > 2}
    for index in range(len(words)):
        low = words.low[index]
        if free_capital(draft, index) and low not in words.small and not stems.isdisjoint(words.stems_of(low)):
            draft.put(Found(first=index, last=index + 1, type="person", rule="single"))


def _run(draft: Draft, first: int, last: int, nouns: Nouns) -> None:
    words, grammar = draft.words, draft.grammar
    while first < last:
        word, low = words.word[first], words.low[first]
        behind_title = low in grammar.titles and first + 1 < last
        if behind_title and words.low[first + 1] not in grammar.titles and _may_be_a_name(draft, first + 1):
            end = max(_person_end(draft, first + 1, last), _two_words(draft, first + 1, last))
            draft.put(Found(first=first + 1, last=end, type="person", rule="title"))
        elif draft.is_first_name(low) and first + 1 < last and _may_be_a_name(draft, first + 1):
            end = _person_end(draft, first, last)
            draft.put(Found(first=first, last=end, type="person", rule="first-name"))
        elif word.isupper() and 1 < len(word) <= _LONGEST_ACRONYM and not is_no_name(word, draft):
            end = first + 1
            if not words.shout[first]:
                said, rule = kind(draft, first, end)
                draft.put(Found(first=first, last=end, type=said, rule=rule))
        elif _is_repeated(draft, first, last, nouns):
            end = first + 2
            draft.put(Found(first=first, last=end, type="person", rule="repeated"))
        else:
            end = first + 1
        first = end


def _may_be_a_name(draft: Draft, index: int) -> bool:
    words, grammar = draft.words, draft.grammar
    low = words.low[index]
    return words.gap[index] in (" ", "\xa0", "-") and low not in words.small and not grammar.ordinary(low)


def _two_words(draft: Draft, first: int, last: int) -> int:
    """Behind a title stands a name, so that the capital behind its first word belongs to it too."""
    second = first + 1
    more = second < last and draft.words.low[second] not in draft.grammar.titles and _may_be_a_name(draft, second)
    return second + 1 if more else second


def _person_end(draft: Draft, first: int, last: int) -> int:
    """A first name takes what follows it, a surname stands alone."""
    words, grammar = draft.words, draft.grammar
    end = first + 1
    while end < last and end - first < _MOST_WORDS + (words.low[end] in grammar.particles):
        before = words.low[end - 1]
        closed = words.gap[end] != "-" and before not in grammar.particles and not draft.is_first_name(before)
        if closed and len(before) > 1:
            break
        if words.low[end] in grammar.titles or grammar.ordinary(words.low[end]):
            break
        end += 1
    return end


def _is_repeated(draft: Draft, first: int, last: int, nouns: Nouns) -> bool:
    """Two words without an article before them, the second of which the article repeats alone: "Gerold Imhof"."""
    words, grammar = draft.words, draft.grammar
    second = first + 1
    if second >= last or words.gap[second] != " ":
        return False
    name, surname = words.low[first], words.low[second]
    if name in words.small or surname in words.small or grammar.ordinary(name) or name in grammar.articles:
        return False
    if nouns.times[surname] < _REPEATED or nouns.times[name] >= nouns.times[surname]:
        return False
    if first and not words.opens[first] and words.low[first - 1] in grammar.articles:
        return False
    return surname not in nouns.behind_articles
