"""A draft -> short forms joined to the fullest form in the article: "Mr. Smith" to "Christopher W. Smith"."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from enrich.entities.identity import Identity
from enrich.entities.packs import ALONE, WEAK
from enrich.entities.words import Draft, Found

_SHORTEST_STEM = 3
_MOST_ORGANISATIONS = 500  # that short forms are looked up in


def join_short_forms(draft: Draft, found: list[Found]) -> None:
    """Give every name in the article its id: people by surname or first name, organisations by parts and acronyms."""
    identity = Identity(draft, found)
    _join_people(draft, found, identity)
    _join_parts(draft, found, identity)
    _join_acronyms(draft, found)
    for one in found:
        if not one.id and one.same is None:
            one.id = identity.key(one)
    for one in found:
        fuller = _fullest(one)
        if fuller is not one:
            one.id, one.name, one.type = fuller.id, fuller.name, fuller.type
    _name_unknown(draft, found)


def _fullest(one: Found) -> Found:
    seen = [one]
    while seen[-1].same is not None and seen[-1].same not in seen:
        seen.append(seen[-1].same)
    return seen[-1]


def _stems(draft: Draft, index: int) -> list[str]:
    return [stem for stem in draft.words.stems_of(draft.words.low[index]) if len(stem) >= _SHORTEST_STEM]


def _join_people(draft: Draft, found: Iterable[Found], identity: Identity) -> None:
    last_names: dict[str, Found] = {}
    first_names: defaultdict[str, dict[str, Found]] = defaultdict(dict)
    full = [one for one in found if one.type == "person" and len(one) > 1]
    for one in sorted(full, key=lambda one: (-len(one), one.first)):
        said = one.id or identity.key(one)
        for stem in _stems(draft, one.last - 1):
            last_names.setdefault(stem, one)
        for stem in _stems(draft, one.first):
            first_names[stem].setdefault(said, one)
    known_in_full = {one.id for one in full if one.id}
    for one in found:
        if len(one) != 1 or not _may_be_short(one) or one.id in known_in_full:
            continue
        stems = _stems(draft, one.first)
        hit = next((last_names[stem] for stem in stems if stem in last_names), None)
        if hit is None:
            owners = next((first_names[stem] for stem in stems if len(first_names.get(stem, ())) == 1), {})
            hit = next(iter(owners.values()), None)
        if hit is not None and hit is not one and (hit.first < one.first or one.strength < WEAK):
            _join(one, hit)


def _may_be_short(one: Found) -> bool:
    """A known person or a weak town gives way to a person of the article; a country does not."""
    return not one.id or one.strength < WEAK or (one.type == "person" and one.strength <= ALONE)


def _join(one: Found, fuller: Found) -> None:
    one.same, one.rule, one.type = fuller, "short-form", fuller.type
    one.id, one.readings, one.strength = "", (), fuller.strength


def _join_parts(draft: Draft, found: list[Found], identity: Identity) -> None:
    """ "The Commission" is the European Commission where no other organisation of the article has that word."""
    words = draft.words
    by_id: dict[str, Found] = {}
    by_stem: defaultdict[str, set[str]] = defaultdict(set)
    for one in found:
        if one.type == "organisation" and len(one) > 1 and len(by_id) < _MOST_ORGANISATIONS:
            said = one.id or identity.key(one)
            by_id.setdefault(said, one)
            for index in range(one.first, one.last):
                for stem in _stems(draft, index):
                    by_stem[stem].add(said)
    for one in found:
        if one.id or one.same is not None or (one.type in ("person", "other") and one.rule != "single"):
            continue
        if all(words.word[index].isupper() for index in range(one.first, one.last)):
            continue
        parts = [
            set().union(*(by_stem.get(stem, ()) for stem in _stems(draft, index)))
            for index in range(one.first, one.last)
        ]
        hits = [said for said in set.intersection(*parts) if len(by_id[said]) > len(one)]
        if len(hits) == 1:
            _join(one, by_id[hits[0]])


def _join_acronyms(draft: Draft, found: list[Found]) -> None:
    """An acronym in brackets behind an organisation is its name wherever it stands."""
    words = draft.words
    named: dict[str, Found] = {}
    for before, one in pairwise(found):
        word = words.word[one.first]
        if len(one) == 1 and word.isupper() and not one.id and before.last == one.first:
            bracket = words.gap[one.first].strip(" \xa0") == "("
            if bracket and before.type == "organisation":
                named.setdefault(word, before)
    for one in found:
        fuller = named.get(words.word[one.first]) if len(one) == 1 and not one.id else None
        if fuller is not None and fuller is not one:
            _join(one, fuller)
            one.rule = "acronym"


def _name_unknown(draft: Draft, found: list[Found]) -> None:
    """A name that no register knows is shown as the article writes it most often in full, the first such form."""
    words = draft.words
    forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    unnamed = [one for one in found if not one.name]
    for one in unnamed:
        text = words.texts[words.field[one.first]][words.start[one.first] : words.end[one.last - 1]]
        forms[one.id][text] += 1
    best = {said: max(counted, key=lambda form: (form.count(" "), counted[form])) for said, counted in forms.items()}
    for one in unnamed:
        one.name = best[one.id]
