"""A pack's word patterns -> a vocabulary that says which concepts a word form can be.

`word` this form, `word*` any ending, `a b` words in a row, `a .. b` up to four words between,
`!word` never this concept, `~root` the regular Indonesian and Malay forms of a root.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from enrich.tokens import fold, tokens

NEVER = "never"
GAP = ".."
MOST_WORDS_IN_A_GAP = 4
MOST_FORMS_KEPT = 200_000  # forms whose concepts are remembered; then the memory starts afresh
_SEPARATORS = re.compile(r"[,\n]")
_NASAL = {"p": "mem", "t": "men", "k": "meng", "s": "meny"}
_NASAL_KEPT = {"p": "memp", "t": "ment", "k": "mengk", "s": "mens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """One word of a phrase: the forms that it can have, and how many words may stand before it."""

    forms: frozenset[str] = frozenset()
    prefix: str = ""
    reach: int = 0

    def fits(self, variants: Iterable[str]) -> bool:
        return any(form in self.forms or (self.prefix and form.startswith(self.prefix)) for form in variants)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    concept: str
    rest: tuple[Atom, ...]  # the words after the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What one word form can be: concepts by itself, and the phrases that it can begin."""

    variants: tuple[str, ...]
    concepts: tuple[str, ...]
    exact: frozenset[str]  # the concepts that name this very form, not only its beginning
    phrases: tuple[Phrase, ...]


@dataclass(slots=True, kw_only=True)
class Vocabulary:
    """Words -> concepts, for one language."""

    language: str = ""
    clitics: tuple[str, ...] = ()
    _exact: dict[str, set[str]] = field(default_factory=dict)
    _prefix: dict[str, set[str]] = field(default_factory=dict)
    _exact_phrases: dict[str, list[Phrase]] = field(default_factory=dict)
    _prefix_phrases: dict[str, list[Phrase]] = field(default_factory=dict)
    _never: dict[str, list[Atom]] = field(default_factory=dict)
    _lengths: set[int] = field(default_factory=set)
    _known: dict[str, Meaning] = field(default_factory=dict)

    def add(self, concept: str, pattern: str) -> None:
        """Teach a concept a word or a phrase. Raises: ValueError saying what is wrong with the pattern."""
        if pattern.startswith("!"):
            self._forbid(concept, pattern[1:])
        else:
            self._teach(concept, pattern)

    def meaning(self, form: str) -> Meaning:
        """What a folded word form can be."""
        known = self._known.get(form)
        if known is None:
            if len(self._known) >= MOST_FORMS_KEPT:
                self._known.clear()
            known = self._known[form] = self._look_up(form)
        return known

    def _teach(self, concept: str, pattern: str) -> None:
        first, *rest = atoms(pattern, self.language)
        if not rest:
            for form in first.forms:
                self._exact.setdefault(form, set()).add(concept)
            if first.prefix:
                self._prefix.setdefault(first.prefix, set()).add(concept)
        else:
            phrase = Phrase(concept=concept, rest=tuple(rest))
            for form in first.forms:
                self._exact_phrases.setdefault(form, []).append(phrase)
            if first.prefix:
                self._prefix_phrases.setdefault(first.prefix, []).append(phrase)
        if first.prefix:
            self._lengths.add(len(first.prefix))

    def _forbid(self, concept: str, pattern: str) -> None:
        first, *rest = atoms(pattern, self.language)
        if rest:
            self._teach(NEVER, pattern)
        else:
            self._never.setdefault(concept, []).append(first)

    def _look_up(self, form: str) -> Meaning:
        variants = (form, *self._without_clitics(form))
        exact: set[str] = set()
        begun: set[str] = set()
        phrases: list[Phrase] = []
        for variant in variants:
            exact |= self._exact.get(variant, set())
            phrases += self._exact_phrases.get(variant, [])
            for length in self._lengths:
                start = variant[:length]
                if len(start) == length:
                    begun |= self._prefix.get(start, set())
                    phrases += self._prefix_phrases.get(start, [])
        concepts = {
            concept
            for concept in exact | begun
            if not any(atom.fits(variants) for atom in self._never.get(concept, ()))
        }
        return Meaning(
            variants=variants,
            concepts=tuple(sorted(concepts)),
            exact=frozenset(exact & concepts),
            phrases=tuple(phrases),
        )

    def _without_clitics(self, form: str) -> Iterator[str]:
        for clitic in self.clitics:
            if form.startswith(clitic) and len(form) - len(clitic) >= 3:
                yield form[len(clitic) :]


def split(patterns: str) -> list[str]:
    """Patterns between commas or on lines of their own."""
    return [found for part in _SEPARATORS.split(patterns) if (found := part.strip())]


def atoms(pattern: str, language: str = "") -> list[Atom]:
    """The words of a pattern, parted as a text is. Raises: ValueError saying what to write instead."""
    words = pattern.split()
    if not words or words[0] == GAP or words[-1] == GAP:
        raise ValueError(f"the pattern {pattern!r} must begin and end with a word")
    found: list[Atom] = []
    reach = 0
    for word in words:
        if word == GAP:
            reach = MOST_WORDS_IN_A_GAP
            continue
        for atom in _atoms_of(word, language):
            found.append(replace(atom, reach=reach))
            reach = 0
    return found


def _atoms_of(word: str, language: str) -> list[Atom]:
    """One written word, which hyphens, elisions and Chinese may part into several."""
    plain = word.removeprefix("~").removesuffix("*")
    parts = [part for low in tokens(plain, language).low if (part := low)]
    if not parts or any(sign in plain for sign in '*~!."()[]'):
        raise ValueError(f"{word!r} is no word; write letters, with * only at the end and ~ or ! only at the start")
    if word.startswith("~"):
        return [Atom(forms=frozenset(indonesian_forms(fold(plain))))]
    *first, last = parts
    whole = [Atom(forms=frozenset([part])) for part in first]
    return [*whole, Atom(prefix=last) if word.endswith("*") else Atom(forms=frozenset([last]))]


def indonesian_forms(root: str) -> set[str]:
    """The forms that me-, di-, ber-, ter-, pe-, per- and ke- and the suffixes build from one root."""
    first = root[:1]
    if first in _NASAL:
        active = [_NASAL[first] + root[1:], _NASAL_KEPT[first] + root[1:]]
    else:
        nasal = "mem" if first in "bfv" else "men" if first in "dcjz" else "me" if first in "lmnrwy" else "meng"
        active = [nasal + root]
    noun = "p" + active[0][1:]
    stems = [root, *active, *(prefix + root for prefix in ("di", "ter", "ber", "diper", "memper"))]
    endings = ("", "kan", "i", "nya", "kannya", "an")
    forms = {stem + ending for stem in stems for ending in endings}
    return forms | {noun, noun + "an", noun + "annya", f"per{root}an", f"ke{root}an"}
