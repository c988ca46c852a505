"""The register -> one file of names, stems, skeletons and first names that every process shares."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from enrich.entities import packs, register
from enrich.entities.packs import Alias
from enrich.entities.skeleton import skeleton, spellings
from enrich.entities.stems import bases
from enrich.entities.table import CAPITAL, FIRST_NAMES, SKELETONS, SMALL, Builder
from enrich.tokens import Tokens, tokens

PREFIX: Final = 3  # letters by which words that start no small name are told apart quickly
_FORMAT: Final = "8"  # raise it when the compiled file changes while packs do not
_LONGEST_ACRONYM: Final = 5


def content_hash() -> str:
    """A hash of everything that the file is made of."""
    folder = register.packs_folder()
    said = hashlib.sha256(f"{_FORMAT} {register.versions()}".encode())
    for path in sorted(folder.rglob("*.t*")):
        said.update(path.name.encode() + b"\0" + path.read_bytes())
    return said.hexdigest()[:8]


def compile_names(path: Path) -> None:
    """Write the register of names to `path`. Raises: OSError, packs.PackError."""
    folder = register.packs_folder()
    builder = Builder()
    small: set[str] = set()
    firsts = set(packs.first_names(folder))
    for alias in register.aliases(folder):
        known = alias.known
        line = "\t".join(
            (known.id, known.name, known.type, known.country, str(alias.strength), alias.language, alias.text)
        )
        for words in _tokenised(alias.text):
            _add(builder, words, line, small)
        if known.type == "person" and alias.strength >= packs.SURNAME:
            firsts |= _add_person(builder, alias, line)
    for name in sorted(firsts):
        builder.child(FIRST_NAMES, bases(name))
    builder.write(path, {"small": sorted(small)})


def _tokenised(text: str) -> Iterator[Tokens]:
    yield tokens(text)
    if "'" in text or "’" in text:
        yield tokens(text, "fr")  # a language that parts words at the apostrophe


def _add(builder: Builder, words: Tokens, line: str, small: set[str]) -> None:
    if not len(words):
        return
    capital = not words.word[0][0].islower()
    if not capital:
        small |= {stem[:PREFIX] for stem in bases(words.low[0])}
    node = CAPITAL if capital else SMALL
    for word, low in zip(words.word, words.low, strict=True):
        acronym = 1 < len(word) <= _LONGEST_ACRONYM and word.isupper()
        node = builder.child(node, (word,) if acronym else bases(low))
    builder.leaf(node, line)


def _add_person(builder: Builder, alias: Alias, line: str) -> set[str]:
    """A person's skeletons, and the first name."""
    words = tokens(alias.text).low
    if len(words) > 1:
        for first in sorted(spellings(words[0])):
            for last in sorted(spellings(words[-1])):
                builder.leaf(builder.child(SKELETONS, (f"{first} {last}",)), line)
        return {words[0]} if len(words[0]) > 2 else set()
    if alias.strength == packs.SURNAME and skeleton(words[0]):
        builder.leaf(builder.child(SKELETONS, (f" {skeleton(words[0])}",)), line)
    return set()
