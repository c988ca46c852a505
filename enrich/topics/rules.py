"""rules.toml and codes.toml -> the rules that every language shares."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from enrich.article import MODALITY_GROUP

WEIGHTS = frozenset(
    {
        "base",
        "object_in_clause",
        "object_beyond_clause",
        "named",
        "words_to_object",
        "phrase",
        "exact",
        "weak",
        "noun",
        "title",
        "lead",
        "repeated",
        "same_family",
        "neighbour_family",
        "alone",
        "off_domain",
    }
)  # fmt: skip - what speaks for or against a hit: the names of [confidence]


class PackError(ValueError):
    """A pack is wrong: the file, the line, and what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way in which a topic is told: an act, and an object near it unless the act says enough alone."""

    id: str
    topic: str
    act: tuple[str, ...]
    object: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # types of entities that serve as objects too
    far: int = 9  # words between act and object, in one clause
    across: int = 4  # words between them where a comma or a conjunction parts them
    silent_near: tuple[str, ...] = ()  # concepts that show another sense
    unless: tuple[str, ...] = ()  # acts that take the object for themselves
    default: str = "done"
    weak: bool = False  # a bare mention: told only where the rest of the article supports it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    rules: tuple[Rule, ...]
    shift: Mapping[str, Mapping[str, tuple[str, str]]]  # topic -> modality -> topic and modality told instead
    weights: Mapping[str, float]
    neighbours: Mapping[str, str]
    exchange: tuple[str, ...]  # families whose acts are given for each other, in the order in which a link names them
    codes: Mapping[str, Mapping[str, str]]  # "sanctions.eased" or "sanctions.eased.promised" -> vocabulary -> code

    @property
    def topics(self) -> frozenset[str]:
        shifted = {topic for table in self.shift.values() for topic, _ in table.values()}
        return frozenset({rule.topic for rule in self.rules} | shifted)

    @property
    def concepts(self) -> frozenset[str]:
        return frozenset(
            concept
            for rule in self.rules
            for concept in (*rule.act, *rule.object, *rule.silent_near, *rule.unless)
            if not concept.startswith("cue:")
        )

    def codes_of(self, topic: str, modality: str) -> dict[str, str]:
        """The codes of a topic, with the closer ones of its modality where the vocabularies have them."""
        return {**self.codes.get(topic, {}), **self.codes.get(f"{topic}.{modality}", {})}


def read_rules(folder: Path) -> Rules:
    """Raises: PackError saying which file is wrong and how."""
    path = folder / "rules.toml"
    data = read_toml(path)
    if missing := {"rule", "shift", "confidence", "neighbours", "exchange"} - set(data):
        raise PackError(f"{path.name}: the section {sorted(missing)[0]!r} is missing")
    if wrong := WEIGHTS ^ set(data["confidence"]):
        raise PackError(f"{path.name}: [confidence] names {sorted(WEIGHTS)}; see {sorted(wrong)}")
    return Rules(
        rules=tuple(_rule(path, number, entry) for number, entry in enumerate(data["rule"], 1)),
        shift={
            topic: {modality: (told[0], told[1]) for modality, told in table.items()}
            for topic, table in data["shift"].items()
        },
        weights=data["confidence"],
        neighbours=data["neighbours"],
        exchange=tuple(data["exchange"]["families"]),
        codes=read_toml(folder / "codes.toml"),
    )


def read_toml(path: Path) -> dict[str, Any]:
    """Raises: PackError with the line where the file is no TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{path.name}: {error}; a value stands between quotes, a long one between three") from error
    except OSError as error:
        raise PackError(f"{path}: {error.strerror or error}; is the installation whole?") from error


def _rule(path: Path, number: int, entry: Mapping[str, Any]) -> Rule:
    known = {item.name for item in fields(Rule)}
    if unknown := set(entry) - known:
        raise PackError(f"{path.name}: rule {number} has {sorted(unknown)}; a rule knows {sorted(known)}")
    if missing := {"id", "topic", "act"} - set(entry):
        raise PackError(f"{path.name}: rule {number} lacks {sorted(missing)}")
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    rule = Rule(**given)
    if rule.default not in MODALITY_GROUP:
        raise PackError(f"{path.name}: rule {rule.id} has the default {rule.default!r}; use {sorted(MODALITY_GROUP)}")
    return rule
