"""A draft -> the names in it that the register knows, the longest first, each with its readings."""

from collections.abc import Iterator

from enrich.entities.names import Reading, reading_fits
from enrich.entities.packs import DEMONYM, WEAK, Kind
from enrich.entities.standing import stands
from enrich.entities.words import Draft, Found

_MOST_WORDS = 10
_MOST_CHARACTERS = 16  # of a name in a script without spaces
_INSIDE = frozenset({" ", "\xa0", "-", " - ", " – ", " — ", "–", "'", "’", " & ", "&", "·", "・", "•", "‑", "/"})
_BEHIND_CAPITALS = frozenset({". ", ".", ".\xa0"})
_PEOPLE = ("ans", "men", "shman", "chman", "ers", "ards", "eks")  # endings of English words for people
_EXACT = 6  # what it counts that the text has the very form of the register


def find_known(draft: Draft) -> None:
    """Put every known name into the draft."""
    index, count = 0, len(draft.words)
    while index < count:
        found = _at(draft, index)
        if found is None or (len(found) > 1 and found.strength < WEAK and _is_cut_by_a_stronger(draft, found)):
            index += 1
        else:
            _with_tail(draft, found)
            draft.put(found)
            index = found.last


def _with_tail(draft: Draft, found: Found) -> None:
    """ "OMV AG" is OMV; "Nord Stream AG" is not the pipeline but its company."""
    last = found.last
    if found.type not in ("organisation", "product") or not draft.joined(last):
        return
    if draft.words.capital[last] and draft.words.low[last] in draft.grammar.organisation_tails:
        found.last = last + 1
        if found.type == "product":
            found.type, found.rule, found.id, found.name, found.readings = "organisation", "company-of", "", "", ()


def _is_cut_by_a_stronger(draft: Draft, found: Found) -> bool:
    """ "La Unión" is a town, and in "La Unión Europea" it is none."""
    inside = (_at(draft, index) for index in range(found.first + 1, found.last))
    return any(one is not None and one.last > found.last and one.strength > found.strength for one in inside)


def _at(draft: Draft, first: int) -> Found | None:
    words = draft.words
    nodes = draft.names.starts(words.word[first], words.low[first], draft.grammar)
    if not nodes:
        return None
    for last, ends in reversed(list(_lengths(draft, first, nodes))):
        readings = _readings(draft, first, last, ends)
        if readings:
            best = readings[0]
            return Found(
                first=first,
                last=last,
                type=_type(draft, first, best),
                rule="demonym" if best.strength == DEMONYM else "known",
                id=best.known.id,
                name=best.known.name,
                strength=best.strength,
                readings=readings,
            )
    return None


def _lengths(draft: Draft, first: int, nodes: tuple[int, ...]) -> Iterator[tuple[int, list[int]]]:
    """The ends of names that start here, the shortest first."""
    words, names = draft.words, draft.names
    frontier, last = set(nodes), first + 1
    longest = _MOST_CHARACTERS if draft.grammar.uncased else _MOST_WORDS
    while frontier:
        ends = [node for node in frontier if names.readings(node)]
        if ends:
            yield last, ends
        if last >= len(words) or last - first >= longest or not _goes_on(draft, last):
            return
        hashes = names.hashes(words.word[last], words.low[last], draft.grammar)
        frontier = set().union(*(names.behind(node, hashes) for node in frontier))
        last += 1


def _goes_on(draft: Draft, index: int) -> bool:
    words = draft.words
    gap = words.gap[index]
    if words.field[index] != words.field[index - 1]:
        return False
    if gap in _INSIDE:
        return True
    if not gap:
        return draft.grammar.uncased or len(words.word[index]) == 1
    return gap in _BEHIND_CAPITALS and len(words.word[index - 1]) <= 2


def _readings(draft: Draft, first: int, last: int, ends: list[int]) -> tuple[Reading, ...]:
    """What the words may stand for, the likeliest first; each thing once."""
    words = draft.words
    lows, forms = words.low[first:last], words.word[first:last]
    ranked: list[tuple[int, int, Reading]] = []
    for node in ends:
        for reading in draft.names.readings(node):
            if reading_fits(reading, lows, forms, draft.grammar) and stands(draft, first, last, reading):
                exact = reading.lows == tuple(lows) or reading.alias == " ".join(forms)
                ranked.append((-reading.strength - _EXACT * exact, len(ranked), reading))
    best: dict[str, Reading] = {}
    for _, _, reading in sorted(ranked, key=lambda row: row[:2]):
        best.setdefault(reading.known.id, reading)
    return tuple(best.values())


def _type(draft: Draft, first: int, best: Reading) -> Kind:
    """An adjective ("Belarusian potash") points to the place, a noun ("two Belarusians") to its people."""
    if best.strength != DEMONYM or not draft.grammar.capital_adjectives:
        return best.known.type
    return "person" if draft.words.low[first].endswith(_PEOPLE) else "place"
