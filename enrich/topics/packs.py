"""enrich/packs/topics/<language>.toml -> a language's words, grammar, numbers and examples, once checked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from enrich.tokens import fold
from enrich.topics.check import FORMS, SECTIONS, check, line_of
from enrich.topics.patterns import NEVER, Vocabulary, split
from enrich.topics.rules import PackError, Rules, read_rules, read_toml

FOLDER = Path(__file__).parent.parent / "packs" / "topics"
NOT_LANGUAGES = frozenset({"rules", "codes"})
_PREFIX = {"objects": "", "acts": "", "cues": "cue:", "clauses": "clause:", "roles": "role:", "domains": "domain:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A sentence of the pack that must, or must not, ring."""

    text: str
    topic: str  # must not ring: a family, or a direction
    modality: str = ""  # must not ring: only this modality or group is wrong; empty: none may ring
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    forms: tuple[tuple[str, tuple[str, ...]], ...] = ()  # "infinitive" -> endings ("-ing") and beginnings ("di-")
    head_final: bool = False  # what governs an act follows it
    negation_follows: bool = False  # "lockert die Sanktionen nicht"
    modal_follows: bool = False  # "dass sie freikommen sollen"
    characters: bool = False  # each character is a word: distances count double
    to: str = ""  # the word before an infinitive
    determiners: frozenset[str] = frozenset()  # words that make a noun of the act behind them: "the release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    words: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)  # words that count people without naming them
    not_counted: frozenset[str] = frozenset()  # months, years, per cent
    thousands: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePack:
    language: str
    version: str  # "id@4c1e9a02"
    vocabulary: Vocabulary
    concepts: frozenset[str]  # acts and objects: what an article is about
    blind: frozenset[str]  # families and directions that this pack cannot see
    grammar: Grammar
    numbers: Numbers
    must_ring: tuple[Example, ...]
    must_not_ring: tuple[Example, ...]

    def sees(self, topic: str) -> bool:
        return topic not in self.blind and topic.partition(".")[0] not in self.blind


class TopicPacks:
    """The rules and the languages, each read when it is first asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self.rules = read_rules(folder)
        self._packs: dict[str, LanguagePack] = {}
        self.languages = frozenset(path.stem for path in folder.glob("*.toml")) - NOT_LANGUAGES

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Self:
        """Raises: PackError saying which rule is wrong."""
        return cls(folder)

    def language(self, code: str) -> LanguagePack | None:
        """The pack of a language, or None. Raises: PackError saying file, line and what to write."""
        if code not in self.languages:
            return None
        if code not in self._packs:
            self._packs[code] = read_pack(self._folder, code, self.rules)
        return self._packs[code]


def read_pack(folder: Path, code: str, rules: Rules) -> LanguagePack:
    """Raises: PackError saying file, line and what to write instead."""
    layers = list(_layers(folder, code))
    for path, data in layers:
        check(path, data, rules)
    merged = _merge([data for _, data in layers])
    grammar = merged.get("grammar", {})
    clitics = tuple(fold(clitic) for clitic in split(grammar.get("clitics", "")))
    vocabulary = Vocabulary(language=code, clitics=clitics)
    for path, data in layers:
        _teach(vocabulary, path, data)
    path, last = layers[-1]
    pack = LanguagePack(
        language=code,
        version=f"{code}@{_digest(folder, [path for path, _ in layers])}",
        vocabulary=vocabulary,
        concepts=frozenset(
            name for section in ("acts", "objects") for name in merged.get(section, {}) if not name.startswith("no_")
        ),
        blind=frozenset(last.get("blind", ())),
        grammar=_grammar(grammar),
        numbers=_numbers(merged.get("numbers", {})),
        must_ring=_examples(last.get("must_ring", {})),
        must_not_ring=_examples(last.get("must_not_ring", {})),
    )
    _check_blind(path, pack, rules)
    return pack


def _layers(folder: Path, code: str) -> list[tuple[Path, dict[str, Any]]]:
    """The pack that this one extends, if any, and itself."""
    path = folder / f"{code}.toml"
    data = read_toml(path)
    if not (base := data.get("extends")):
        return [(path, data)]
    below = read_toml(folder / f"{base}.toml")
    if "extends" in below:
        raise PackError(f"{path.name}:{line_of(path, '', 'extends')}: {base!r} extends a pack itself; extend that one")
    return [(folder / f"{base}.toml", below), (path, data)]


def _merge(layers: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for data in layers:
        for section in SECTIONS:
            for name, value in data.get(section, {}).items():
                mine = merged.setdefault(section, {})
                joined = isinstance(value, str) and name in mine and name != "thousands"
                mine[name] = f"{mine[name]}, {value}" if joined else value
    return merged


def _teach(vocabulary: Vocabulary, path: Path, data: Mapping[str, Any]) -> None:
    for section in (*_PREFIX, "never"):
        for name, patterns in data.get(section, {}).items():
            concept = NEVER if section == "never" else _PREFIX[section] + name
            for pattern in split(patterns):
                try:
                    vocabulary.add(concept, pattern)
                except ValueError as error:
                    where = f"{path.name}:{line_of(path, section, name, pattern)}"
                    raise PackError(f"{where}: [{section}] {name}: {error}") from error
                if concept == "clause:if":
                    vocabulary.add("cue:if", pattern)  # what opens a condition is its cue


def _grammar(data: Mapping[str, Any]) -> Grammar:
    return Grammar(
        forms=tuple((name, tuple(fold(ending) for ending in split(data.get(name, "")))) for name in FORMS),
        head_final=data.get("head_final", False),
        negation_follows=data.get("negation_follows", False),
        modal_follows=data.get("modal_follows", False),
        characters=data.get("characters", False),
        to=data.get("to", ""),
        determiners=frozenset(fold(word) for word in split(data.get("determiners", ""))),
    )


def _numbers(data: Mapping[str, str]) -> Numbers:
    return Numbers(
        words=_counts(data.get("words", "")),
        people=_counts(data.get("people", "")),
        not_counted=frozenset(fold(word) for word in split(data.get("not_counted", ""))),
        thousands=data.get("thousands", ""),
    )


def _counts(patterns: str) -> dict[str, int]:
    pairs = (pattern.partition("=") for pattern in split(patterns))
    return {fold(word.strip()): int(value) for word, _, value in pairs}


def _examples(table: Mapping[str, str]) -> tuple[Example, ...]:
    found: list[Example] = []
    for said, lines in table.items():
        topic, _, modality = said.partition(" ")
        for line in lines.splitlines():
            text, _, number = (part.strip() for part in line.partition("|"))
            if text:
                count = int(number) if number else None
                found.append(Example(text=text, topic=topic, modality=modality, number=count))
    return tuple(found)


def _digest(folder: Path, paths: list[Path]) -> str:
    content = hashlib.sha256()
    for path in (folder / "rules.toml", *paths):
        content.update(path.read_bytes())
    return content.hexdigest()[:8]


def _check_blind(path: Path, pack: LanguagePack, rules: Rules) -> None:
    """A topic for which the pack has no words must be listed as one that it cannot see."""
    for topic in sorted({rule.topic for rule in rules.rules}):
        told = any(
            _has_words(rule.act, pack) and (not rule.object or _has_words(rule.object, pack))
            for rule in rules.rules
            if rule.topic == topic
        )
        if pack.sees(topic) and not told:
            raise PackError(f'{path.name}:1: no words for {topic}; write them, or add "{topic}" to blind')


def _has_words(concepts: tuple[str, ...], pack: LanguagePack) -> bool:
    return any(concept in pack.concepts or concept.startswith("cue:") for concept in concepts)
