"""An unknown name -> its id, a function of the stems of its fullest form, and people of the packs by their skeleton."""

from collections import Counter
from itertools import product

from rapidfuzz import fuzz

from enrich.entities.names import Reading
from enrich.entities.skeleton import latin, name_id, skeleton
from enrich.entities.stems import likeliest_base
from enrich.entities.words import Draft, Found

_MOST_STEMS = 10
_SHORTEST_STEM = 3
_SURE_LETTERS = 4  # of both skeletons together
_LIKE, _LIKE_FIRST, _LIKE_ALONE = 65, 50, 70  # per cent of rapidfuzz' ratio


class Identity:
    """Gives the names of one article their ids."""

    def __init__(self, draft: Draft, found: list[Found]) -> None:
        self._draft = draft
        self._base = _shared_bases(draft, found)

    def key(self, found: Found) -> str:
        """The id of a name that no register knows."""
        words, grammar = self._draft.words, self._draft.grammar
        stems = []
        for index in range(found.first, found.last):
            word, low = words.word[index], words.low[index]
            acronym = 1 < len(word) <= 6 and word.isupper() and not words.shout[index]
            stems.append(word if acronym else self._base.get(low) or likeliest_base(word, low, grammar))
        return name_id(stems, person=found.type == "person")


def _shared_bases(draft: Draft, found: list[Found]) -> dict[str, str]:
    """Form -> the stem that most forms in the unknown names of this article share."""
    words, grammar = draft.words, draft.grammar
    forms = {words.low[index]: words.word[index] for one in found if not one.id for index in range(one.first, one.last)}
    shared: Counter[str] = Counter()
    for low in sorted(forms):
        shared.update({stem for stem in words.stems_of(low) if len(stem) >= _SHORTEST_STEM})
    best: dict[str, str] = {}
    for low, word in sorted(forms.items()):
        likeliest = likeliest_base(word, low, grammar)
        stems = [stem for stem in words.stems_of(low) if len(stem) >= _SHORTEST_STEM] or [low]
        top = max(stems, key=lambda stem: (shared[stem], stem == likeliest, len(stem)))
        best[low] = top if shared[top] > 1 else likeliest
    return best


def link_people(draft: Draft, found: list[Found]) -> None:
    """Give unknown people the id of a person of the packs whose name sounds the same."""
    for one in found:
        if one.id or (len(one) == 1 and one.type != "person"):
            continue
        reading = _full(draft, one) if len(one) > 1 else _alone(draft, one)
        if reading is not None:
            one.id, one.name, one.type = reading.known.id, reading.known.name, "person"
            one.rule, one.readings, one.strength = "sounds-like", (reading,), reading.strength


def _full(draft: Draft, one: Found) -> Reading | None:
    words = draft.words
    first, last = words.low[one.first], words.low[one.last - 1]
    firsts, lasts = _skeletons(draft, first), _skeletons(draft, last)
    for said_last, said_first in product(lasts, firsts):
        for reading in draft.names.by_skeleton(said_first, said_last):
            if len(said_first) + len(said_last) >= _SURE_LETTERS or (
                len(said_last) >= _SHORTEST_STEM
                and _like(last, reading.lows[-1]) >= _LIKE
                and _like(first, reading.lows[0]) >= _LIKE_FIRST
            ):
                return reading
    return None


def _alone(draft: Draft, one: Found) -> Reading | None:
    low = draft.words.low[one.first]
    for said in _skeletons(draft, low):
        if len(said) < _SHORTEST_STEM:
            continue
        for reading in draft.names.by_skeleton("", said):
            if _like(low, reading.lows[-1]) >= _LIKE_ALONE:
                return reading
    return None


def _skeletons(draft: Draft, low: str) -> list[str]:
    return [said for said in dict.fromkeys(map(skeleton, draft.words.stems_of(low)[:_MOST_STEMS])) if said]


def _like(low: str, other: str) -> float:
    return fuzz.ratio(latin(low), latin(other))
