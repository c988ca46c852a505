"""enrich/packs/names/*.tsv -> known things and their names, each row checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from enrich.entities.skeleton import slug_id
from enrich.tokens import fold

Kind = Literal["person", "place", "organisation", "product", "event", "other"]

# How far a name speaks for its thing, 0 to 100. Below WEAK a name is seldom evidence by itself.
PACK: Final = 90
ALONE: Final = 85  # a person by one word
SURNAME: Final = 80
TERRITORY: Final = 75  # a country by its CLDR name
DEMONYM: Final = 70
REGION: Final = 58
CITY: Final = 52  # a large town by its own name
WEAK: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A thing that the register knows."""

    id: str
    name: str
    type: Kind
    country: str = ""  # id of the country that it lies in


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """One name of a thing; `language` is empty where the name holds in every language."""

    text: str
    known: Known
    strength: int
    language: str = ""


class PackError(ValueError):
    """A row of a pack is wrong: the message says file, line and what to write."""


def rows(path: Path, columns: int) -> Iterator[list[str]]:
    """The rows of a pack, comments left out, each with so many columns.

    Raises: PackError saying file, line and what to write.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) > columns or len(cells) < columns - 1:
            raise PackError(f"{path.name}:{number}: {len(cells)} columns; write {columns}, parted by tabs")
        yield [*cells, *[""] * (columns - len(cells))]


def forms(name: str, others: str) -> list[str]:
    """A row's names, its first name first, each once."""
    return list(dict.fromkeys(form for form in (name, *(part.strip() for part in others.split(";"))) if form))


def people(folder: Path) -> Iterator[Alias]:
    """The names of people; a starred row's last words too."""
    for ident, star, name, others in rows(folder / "people.tsv", 4):
        known = Known(id=_ident(ident, name), name=name, type="person")
        for form in forms(name, others):
            words = form.split()
            yield Alias(text=form, known=known, strength=PACK if len(words) > 1 else ALONE)
            if star and len(words) > 1 and len(words[-1]) > 2 and "-" not in words[-1]:
                yield Alias(text=words[-1], known=known, strength=SURNAME)


def organisations(folder: Path) -> Iterator[Alias]:
    """The names of organisations, products and events."""
    path = folder / "organisations.tsv"
    for ident, kind, name, others in rows(path, 4):
        if kind not in ("organisation", "product", "event"):
            raise PackError(f"{path.name}: {name}: {kind!r} is no type; write organisation, product or event")
        known = Known(id=_ident(ident, name), name=name, type=kind)  # type: ignore[arg-type]  # checked above
        for form in forms(name, others):
            yield Alias(text=form, known=known, strength=PACK)


def places(folder: Path) -> Iterator[Alias]:
    """Regions and places that are no country; a town by its "gn-" id where its names need help."""
    for ident, name, others in rows(folder / "places.tsv", 3):
        known = Known(id=_ident(ident, name), name=name, type="place")
        for form in forms(name, others):
            yield Alias(text=form, known=known, strength=PACK)


def countries(folder: Path) -> dict[str, tuple[Known, list[str]]]:
    """ISO 3166-1 code -> the country and its names."""
    return {
        code: (Known(id=ident, name=name, type="place", country=ident), forms(name, others))
        for code, ident, name, others in rows(folder / "countries.tsv", 4)
    }


def regions(folder: Path) -> Iterator[tuple[str, str, str, list[str]]]:
    """ISO 3166-2 code, id, name and names of the parts of countries."""
    for code, ident, name, others in rows(folder / "regions.tsv", 4):
        yield code, ident, name, forms(name, others)


def demonyms(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The id of a place and the words for its people."""
    for ident, others in rows(folder / "demonyms.tsv", 2):
        yield ident, forms("", others)


def first_names(folder: Path) -> list[str]:
    """First names, folded."""
    lines = (folder / "first_names.txt").read_text(encoding="utf-8").splitlines()
    return sorted({fold(word) for line in lines if not line.startswith("#") for word in line.split()})


def _ident(ident: str, name: str) -> str:
    return ident if ident != "-" else slug_id(name)
