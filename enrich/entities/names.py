"""The register's compiled file -> what a process asks about words: names that start here, readings, first names."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from enrich.entities import packs
from enrich.entities.compile import PREFIX, compile_names, content_hash
from enrich.entities.grammar import Grammar, grammar
from enrich.entities.packs import Kind, Known
from enrich.entities.stems import bases, candidates
from enrich.entities.table import CAPITAL, FIRST_NAMES, NO_NODE, SKELETONS, SMALL, Table, TableError, stem_hash
from enrich.tokens import fold, tokens

KEPT_SECONDS = 86_400

log = logging.getLogger(f"tocsin.{__name__}")

_MOST_FORMS = 20_000  # word forms that a process remembers for each language


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a name may stand for."""

    known: Known
    strength: int
    language: str  # empty: any
    alias: str
    lows: tuple[str, ...]  # its words, folded
    stems: tuple[frozenset[str], ...]  # of its words

    @property
    def weak(self) -> bool:
        return self.strength < packs.WEAK


class Names:
    """The register of one process.

    Measured on two shared cores of a small cloud machine with Python 3.11: 180,000 names compile in 6 to 9 seconds
    (358 MB at the peak, once) to a file of 22 MB; it loads in 3 to 9 ms, imports apart. A process had grown by 34 MB
    over the bare interpreter after its first article, imports and mapped pages together, and by 7 MB more after 600.
    """

    def __init__(self, table: Table, version: str) -> None:
        self._table = table
        self.version = version  # "names@4c1e9a02"
        self._small = frozenset(table.head["small"])
        self._starts: dict[str, dict[str, tuple[int, ...]]] = {}
        self._hashes: dict[str, dict[str, tuple[int, ...]]] = {}
        self.readings = lru_cache(maxsize=4096)(self._readings)

    @classmethod
    def load(cls, cache: Path) -> Self:
        """The register, compiled into `cache` where it is not there yet, or is damaged.

        The file's name holds a hash of the packs and of the libraries' versions. Raises: OSError, packs.PackError.
        """
        version = content_hash()
        path = cache / f"names-{version}.table"
        try:
            table = Table.open(path)
        except (OSError, TableError) as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("names compiled again", extra={"file": path.name, "reason": str(error)})
            cache.mkdir(parents=True, exist_ok=True)
            compile_names(path)
            table = Table.open(path)
        return cls(table, f"names@{version}")

    @staticmethod
    def compiled(cache: Path) -> bool:
        """Whether `load` finds its file; making it takes many seconds."""
        return (cache / f"names-{content_hash()}.table").exists()

    @staticmethod
    def forget_others(cache: Path) -> None:
        """Removes the files of other versions that are older than a day; who has one mapped keeps it."""
        before = time.time() - KEPT_SECONDS
        for path in cache.glob("names-*.table"):
            if path.name != f"names-{content_hash()}.table" and path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def starts(self, word: str, low: str, language: Grammar) -> tuple[int, ...]:
        """The nodes behind the first word of a name."""
        known = self._starts.setdefault(language.language, {})
        found = known.get(word)
        if found is None:
            if len(known) >= _MOST_FORMS:
                known.clear()
            found = known[word] = self._first(word, low, language)
        return found

    def _first(self, word: str, low: str, language: Grammar) -> tuple[int, ...]:
        capital = language.uncased or not word[:1].islower()
        if not capital and low[:PREFIX] not in self._small:
            return ()
        roots = (CAPITAL, SMALL) if capital else (SMALL,)
        child = self._table.child
        hashes = self.hashes(word, low, language)
        nodes = {child(root, hashed): None for root in roots for hashed in hashes}
        nodes.pop(NO_NODE, None)
        return tuple(nodes)

    def hashes(self, word: str, low: str, language: Grammar) -> tuple[int, ...]:
        """The hashes of every stem that this form may have."""
        known = self._hashes.setdefault(language.language, {})
        found = known.get(word)
        if found is None:
            if len(known) >= _MOST_FORMS:
                known.clear()
            forms = [*_acronyms(word), *candidates(low, language)]
            found = known[word] = tuple(stem_hash(form) for form in forms)
        return found

    def behind(self, node: int, hashes: Sequence[int]) -> set[int]:
        """The nodes behind another word of a name."""
        child = self._table.child
        return {after for hashed in hashes if (after := child(node, hashed))}

    def _readings(self, node: int) -> tuple[Reading, ...]:
        return tuple(map(_reading, self._table.leaf(node)))

    def is_first_name(self, low: str, language: Grammar) -> bool:
        """May this form be one of a first name?"""
        child = self._table.child
        return any(child(FIRST_NAMES, stem_hash(stem)) for stem in candidates(low, language) if len(stem) > 2)

    def by_skeleton(self, first: str, last: str) -> tuple[Reading, ...]:
        """People of the packs by the skeletons of first and last name; by the last alone where first is empty."""
        node = self._table.child(SKELETONS, stem_hash(f"{first} {last}"))
        return self.readings(node) if node else ()


def _acronyms(word: str) -> list[str]:
    """The forms under which a short word of capitals is listed: "США", and "NATOs" as "NATO"."""
    if word.isupper() and len(word) > 1:
        return [word]
    return [word[:-1]] if len(word) > 2 and word[:-1].isupper() and word[-1].islower() else []


def _reading(line: str) -> Reading:
    ident, name, kind, country, strength, language, alias = line.split("\t")
    words = tokens(alias)
    known = Known(id=ident, name=name, type=_KINDS[kind], country=country)
    stems = tuple(frozenset({low, *bases(low), word}) for word, low in zip(words.word, words.low, strict=True))
    return Reading(known, int(strength), language, alias, tuple(words.low), stems)


_KINDS: Final[dict[str, Kind]] = {
    "person": "person", "place": "place", "organisation": "organisation", "product": "product", "event": "event",
}  # fmt: skip


def reading_fits(reading: Reading, lows: Sequence[str], forms: Sequence[str], language: Grammar) -> bool:
    """May these words of a text be forms of the words of this name? Nodes are shared by names whose stems meet."""
    if reading.language and reading.language != language.language:
        return False
    if len(reading.stems) != len(lows):
        return True  # parted at another apostrophe
    if not language.endings and not language.clitics:
        pairs = zip(reading.lows, lows, forms, strict=True)
        return all(low in (one, one.removesuffix("'s")) or one == form[:-1].lower() for one, low, form in pairs)
    return all(
        not stems.isdisjoint((*_acronyms(form), *candidates(low, language)))
        for stems, low, form in zip(reading.stems, lows, forms, strict=True)
    )


def language_grammar(code: str) -> Grammar:
    """The grammar of a language, never an error: an unknown code has the common one."""
    return grammar(fold(code) if code.isalpha() else "und")
