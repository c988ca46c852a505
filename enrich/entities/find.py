"""Title, text and language -> the names in them, each with its id and what found it."""

from enrich.article import Candidate, Mention
from enrich.entities.collocations import find_collocations
from enrich.entities.coreference import join_short_forms
from enrich.entities.identity import link_people
from enrich.entities.known import find_known
from enrich.entities.names import Names, language_grammar
from enrich.entities.nouns import find_among_nouns
from enrich.entities.offices import find_among_offices
from enrich.entities.packs import WEAK
from enrich.entities.phrases import find_phrases
from enrich.entities.places import choose_places
from enrich.entities.runs import find_runs
from enrich.entities.words import Draft, Found, read

_MOST_CANDIDATES = 4


def find(title: str, text: str, language_code: str, names: Names) -> tuple[Mention, ...]:
    """Every name in the title and the text, in order, none over another; `surface` is the text of its span.

    A pure function of its arguments, linear in the length. Never raises on any text. The order of the steps is that
    of ENTITIES.md, section 2: known names, descriptions, words that keep company, runs of capitals, identity.
    """
    grammar = language_grammar(language_code)
    draft = Draft(read(title, text, grammar), names)
    find_known(draft)
    find_phrases(draft)
    if not grammar.uncased:
        if not grammar.capital_nouns:
            find_collocations(draft)
        if grammar.offices_capital:
            find_among_offices(draft)
        elif grammar.capital_nouns:
            find_among_nouns(draft)
        else:
            find_runs(draft)
    found = draft.found()
    link_people(draft, found)
    choose_places(found)
    join_short_forms(draft, found)
    return tuple(_mention(draft, one) for one in found)


def _mention(draft: Draft, one: Found) -> Mention:
    words = draft.words
    field = words.field[one.first]
    start, end = words.start[one.first], words.end[one.last - 1]
    if words.gap[one.last - 1] == "." and words.texts[field][end : end + 1] == ".":
        end += 1  # "U.S."
    return Mention(
        id=one.id,
        name=one.name,
        type=one.type,
        field=field,
        start=start,
        end=end,
        surface=words.texts[field][start:end],
        rule=one.rule,
        pack=draft.names.version,
        weak=bool(one.readings) and one.strength < WEAK,
        candidates=_candidates(one),
    )


def _candidates(one: Found) -> tuple[Candidate, ...]:
    """The other readings, each with its share of what speaks for all of them."""
    readings = one.readings[: _MOST_CANDIDATES + 1]
    total = sum(reading.strength for reading in readings)
    return tuple(
        Candidate(id=reading.known.id, name=reading.known.name, score=round(reading.strength / total, 3))
        for reading in readings
        if reading.known.id != one.id
    )
