"""A draft -> a known name and an unknown word that keep company become one name: "Asia Bibi", "Paris Hilton"."""

from collections import Counter, defaultdict

from enrich.entities.packs import WEAK
from enrich.entities.stems import likeliest_base
from enrich.entities.words import Draft, Found

_TIMES = 2
_SHARE = 0.5  # of the times that the unknown word stands anywhere


def find_collocations(draft: Draft) -> None:
    """Join the pairs that occur together at least twice, and in half of the unknown word's places."""
    words = draft.words
    alone: Counter[str] = Counter()
    pairs: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, low in enumerate(words.low):
        if not _unknown(draft, index):
            continue
        base = _base(draft, index)
        if not words.opens[index] or low not in words.small:
            alone[base] += 1
        before = draft.owner[index - 1] if index else None
        if before is not None and _may_join(draft, before, index):
            pairs[_base(draft, index - 1), base].append(index)
    for (_, base), places in pairs.items():
        if len(places) >= _TIMES and len(places) >= _SHARE * alone[base]:
            for index in places:
                draft.put(Found(first=index - 1, last=index + 1, type="person", rule="company"))


def _unknown(draft: Draft, index: int) -> bool:
    words = draft.words
    owner = draft.owner[index]
    if not words.capital[index] or words.shout[index] or words.low[index] in draft.grammar.function_words:
        return False
    return owner is None or (len(owner) == 1 and owner.strength < WEAK)


def _may_join(draft: Draft, before: Found, index: int) -> bool:
    words = draft.words
    if len(before) != 1 or before.type not in ("place", "product", "event") or not draft.joined(index):
        return False
    return not (draft.joined(index + 1) and words.capital[index + 1])


def _base(draft: Draft, index: int) -> str:
    return likeliest_base(draft.words.word[index], draft.words.low[index], draft.grammar)
