"""A draft in a language that writes offices and headings with capitals -> its unknown names: Indonesian, Malay."""

from enrich.entities.kinds import is_no_name, kind
from enrich.entities.packs import Kind
from enrich.entities.runs import free_capital, has_evidence, run_end
from enrich.entities.words import Draft, Found

_LONGEST_PLACE = 3  # words
_LONGEST_ORGANISATION = 10
_ENDS_AN_OFFICE = frozenset({"nomor", "no", "tahun", "bidang"})
_PARTICLES_THAT_ARE_WORDS = frozenset({"di", "da", "la", "ur"})


def find_among_offices(draft: Draft) -> None:
    """Put organisations and places with their heads, and runs of words that are no ordinary ones."""
    index = 0
    while index < len(draft.words):
        if not free_capital(draft, index) or draft.words.shout[index]:
            index += 1
            continue
        last = run_end(draft, index)
        _run(draft, index, last)
        index = last
    _join_heads(draft)


def _run(draft: Draft, first: int, last: int) -> None:
    words, grammar = draft.words, draft.grammar
    while first < last:
        low = words.low[first]
        end = first + 1
        if low in grammar.organisation_heads and last - first > 1:
            end = _office_end(draft, first, last)
            if end - first > 1 or (len(words.word[first]) > 3 and words.word[first].isupper()):
                _put(draft, first, end, "organisation", "organisation-head")
        elif low in grammar.place_heads and last - first > 1:
            end = min(last, first + _LONGEST_PLACE)
            _put(draft, first, end, "place", "place-head")
        elif not _common(draft, first) and (last - first > 1 or _single_stands(draft, first, last)):
            end = _name_end(draft, first, last)
            if end - first > 1 or not is_no_name(words.word[first], draft):
                _put(draft, first, end, *kind(draft, first, end))
        first = end


def _put(draft: Draft, first: int, last: int, said: Kind, rule: str) -> None:
    draft.put(Found(first=first, last=last, type=said, rule=rule))


def _office_end(draft: Draft, first: int, last: int) -> int:
    """Before a title, or a number."""
    words = draft.words
    for index in range(first + 1, last):
        if words.low[index] in draft.grammar.titles or words.low[index] in _ENDS_AN_OFFICE:
            return index
    return last


def _common(draft: Draft, index: int) -> bool:
    """An ordinary word, title or heading; one that is also a first name with a name behind it is none."""
    words, grammar = draft.words, draft.grammar
    low = words.low[index]
    if low in grammar.titles or low in grammar.directions or grammar.ordinary(low):
        return True
    return low in words.small and not draft.is_first_name(low)


def _single_stands(draft: Draft, first: int, last: int) -> bool:
    words = draft.words
    if not words.opens[first]:
        return True
    return len(words) > 5 and has_evidence(draft, first, last)


def _name_end(draft: Draft, first: int, last: int) -> int:
    words, grammar = draft.words, draft.grammar
    end = first + 1
    while end < last:
        low = words.low[end]
        if low in grammar.titles or low in grammar.organisation_heads or low in grammar.place_heads:
            break
        if low in grammar.directions and not draft.is_first_name(words.low[end - 1]):
            end += 1
            continue
        if low in _PARTICLES_THAT_ARE_WORDS or grammar.ordinary(low) or low in words.small:
            break
        end += 1
    return end


def _continues(draft: Draft, before: Found, one: Found) -> bool:
    """ "Pengadilan Negeri" and "Jakarta"."""
    if before.rule != "organisation-head" or before.last != one.first or one.type not in ("place", "organisation"):
        return False
    return draft.joined(one.first) and one.last - before.first <= _LONGEST_ORGANISATION


def _join_heads(draft: Draft) -> None:
    """Directions behind a place, heads before one, and the place behind an organisation, joined to one name."""
    words, grammar = draft.words, draft.grammar
    before: Found | None = None
    for one in draft.found():
        if before is not None and _continues(draft, before, one):
            before = Found(first=before.first, last=one.last, type="organisation", rule="organisation-head")
            draft.put(before)
            continue
        before = one
    for one in draft.found():
        if one.type != "place" or draft.owner[one.first] is not one:
            continue
        last = one.last
        behind = draft.joined(last) and draft.owner[last] is None and words.capital[last]
        if behind and words.low[last] in grammar.directions:
            _put(draft, one.first, last + 1, "place", one.rule)
            continue
        head = one.first - 1
        if head < 0 or not draft.joined(one.first) or draft.owner[head] is not None:
            continue
        if words.capital[head] and words.low[head] in grammar.organisation_heads:
            _put(draft, head, one.last, "organisation", "organisation-head")
        elif words.low[head] in grammar.places_with_head and words.capital[head]:
            _put(draft, head, one.last, "place", "place-head")
