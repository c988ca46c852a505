"""enrich/packs/names/grammar/<language>.toml -> what a language's words say about the names beside them."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from enrich.tokens import fold

FOLDER = Path(__file__).parent.parent / "packs" / "names"
_COMMON = "common"


@dataclass(frozen=True, slots=True)
class Words:
    """Whole words and word starts ("minist*"), folded."""

    whole: frozenset[str] = frozenset()
    starts: tuple[str, ...] = ()

    def __contains__(self, low: object) -> bool:
        return low in self.whole or (bool(self.starts) and isinstance(low, str) and low.startswith(self.starts))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # one object for each language, so identity is equality
class Grammar:
    language: str
    endings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by their last letter, longest first
    likeliest: tuple[str, ...] = ()  # in the order in which a lone form loses one
    softening: tuple[tuple[str, str], ...] = ()  # what an ending did to the stem, and what stood there
    clitics: tuple[str, ...] = ()  # written before a name without a space
    uncased: bool = False  # no capitals
    capital_nouns: bool = False  # a capital says nothing
    capital_adjectives: bool = False  # "Belarusian potash"
    title_case: bool = False  # headlines may have a capital on every word
    offices_capital: bool = False  # offices, months and headings have capitals too
    apostrophe_endings: bool = False  # "Minsk's", "Minsk'te": the name ends at the apostrophe
    known: bool = False  # there is a pack for this language
    function_words: Words = field(default_factory=Words)
    articles: Words = field(default_factory=Words)
    openers: Words = field(default_factory=Words)  # no names where they open a sentence
    titles: Words = field(default_factory=Words)
    organisation_heads: Words = field(default_factory=Words)
    place_heads: Words = field(default_factory=Words)
    place_prepositions: Words = field(default_factory=Words)
    speech: Words = field(default_factory=Words)
    months: Words = field(default_factory=Words)
    directions: Words = field(default_factory=Words)
    places_with_head: Words = field(default_factory=Words)
    ordinary_capitals: Words = field(default_factory=Words)
    connectives: Words = field(default_factory=Words)  # inside the name of an organisation: "Bank of Canada"
    particles: Words = field(default_factory=Words)
    organisation_tails: Words = field(default_factory=Words)
    no_names: frozenset[str] = frozenset()  # as written
    institutions: Words = field(default_factory=Words)
    institution_adjectives: Words = field(default_factory=Words)
    ministries: Words = field(default_factory=Words)
    ministry_tails: Words = field(default_factory=Words)
    country_heads: Words = field(default_factory=Words)
    courts: Words = field(default_factory=Words)  # adjectives of courts, small: "верховный суд"
    court_heads: Words = field(default_factory=Words)
    country_preposition: str = ""
    adjective: re.Pattern[str] | None = None
    country_adjective: re.Pattern[str] | None = None  # forms of "Czech" that look like forms of "Czechia"

    def ordinary(self, low: str) -> bool:
        """Is it a word of the language that is no name by itself?"""
        if low in self.function_words or low in self.months or low in self.ordinary_capitals:
            return True
        return "'" in low and low.partition("'")[0] in self.function_words


_FLAGS = ("uncased", "capital_nouns", "capital_adjectives", "title_case", "offices_capital", "apostrophe_endings")
_PLAIN = frozenset(
    {"extends", "endings", "likeliest", "softening", "clitics", "no_names", "country_preposition", "adjective_endings"}
    | {"country_adjectives"}
)


@lru_cache(maxsize=128)
def grammar(language: str, folder: Path = FOLDER / "grammar") -> Grammar:
    """The pack of a language laid over the common one; where there is none, the common one alone.

    Raises: ValueError saying which key of which file is unknown.
    """
    common = _read(folder, _COMMON)
    path = folder / f"{language}.toml"
    known = language.isalpha() and language != _COMMON and path.is_file()
    data = _layers(folder, language) if known else {}
    words: dict[str, Any] = {
        key: _words(f"{common.get(key, '')} {data.get(key, '')}")
        for key in {*common, *data} - _PLAIN
        if key not in _FLAGS
    }
    words |= {flag: bool(data.get(flag, False)) for flag in _FLAGS}
    softening = [pair.partition(">") for pair in data.get("softening", "").split()]
    adjective, country_adjective = data.get("adjective_endings"), data.get("country_adjectives")
    try:
        return Grammar(
            language=language,
            known=known,
            endings=_by_last_letter(data.get("endings", "").split()),
            likeliest=tuple(fold(ending) for ending in data.get("likeliest", data.get("endings", "")).split()),
            softening=tuple((soft, hard) for soft, _, hard in softening),
            clitics=tuple(sorted({fold(c) for c in data.get("clitics", "").split()}, key=lambda c: (-len(c), c))),
            no_names=frozenset(f"{common.get('no_names', '')} {data.get('no_names', '')}".split()),
            country_preposition=data.get("country_preposition", ""),
            adjective=re.compile(adjective + r"\Z") if adjective else None,
            country_adjective=re.compile(country_adjective + r"\Z") if country_adjective else None,
            **words,
        )
    except TypeError as error:
        raise ValueError(f"{path.name}: {error}; the keys stand in enrich/entities/grammar.py") from error


def _layers(folder: Path, language: str) -> dict[str, Any]:
    data = _read(folder, language)
    base = _read(folder, data["extends"]) if "extends" in data else {}
    joined = {key: f"{base[key]} {data[key]}" for key in base.keys() & data.keys() if isinstance(base[key], str)}
    return {**base, **data, **joined}


def _read(folder: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))


def _by_last_letter(endings: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for ending in sorted({fold(one) for one in endings}, key=lambda one: (-len(one), one)):
        found.setdefault(ending[-1], []).append(ending)
    return {letter: tuple(members) for letter, members in found.items()}


def _words(text: str) -> Words:
    whole: set[str] = set()
    starts: set[str] = set()
    for word in text.split():
        (starts if word.endswith("*") else whole).add(fold(word.removesuffix("*")))
    return Words(frozenset(whole), tuple(sorted(starts)))
