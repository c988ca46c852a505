"""A pack file as read -> PackError saying file, line and what to write, where an editor got something wrong."""

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

from enrich.article import MODALITY_GROUP
from enrich.topics.patterns import split
from enrich.topics.rules import PackError, Rules

CUES = frozenset(
    {
        "deny", "refuse", "not", "none", "if", "demand", "threaten", "offer", "may", "promise", "future", "would",
        "order", "fear", "past", "ongoing", "happened", "alleged", "exchange",
    }
)  # fmt: skip
OPENERS = frozenset({"that", "which", "when", "after", "if", "but", "and", "purpose"})
ROLES = frozenset({"by", "against", "with", "in", "passive"})
DOMAINS = frozenset({"sport", "culture", "market"})
FORMS = ("negated", "infinitive", "future", "noun", "passive")
SECTIONS: Mapping[str, Collection[str] | None] = {  # None: the concepts of the rules, or any name
    "objects": None,
    "acts": None,
    "cues": CUES,
    "clauses": OPENERS,
    "roles": ROLES,
    "domains": DOMAINS,
    "never": None,
    "grammar": frozenset(
        {*FORMS, "head_final", "negation_follows", "modal_follows", "characters", "clitics", "to", "determiners"}
    ),
    "numbers": frozenset({"words", "people", "not_counted", "thousands"}),
}
_EXAMPLES = ("must_ring", "must_not_ring")
_PLAIN = frozenset({"language", "extends", "blind"})
_FLAGS = frozenset({"head_final", "negation_follows", "modal_follows", "characters"})


def check(path: Path, data: Mapping[str, Any], rules: Rules) -> None:
    """Raises: PackError."""
    _Checker(path, rules).check(data)


def line_of(path: Path, section: str, name: str = "", pattern: str = "") -> int:
    """The line where a section begins, or a name in it, or a pattern of that name; 1 where it stands nowhere."""
    inside, found = not section, 0
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        plain = line.strip()
        if plain.startswith("["):
            inside = plain.startswith(f"[{section}]")
            found = number if inside and not found else found
        elif inside and name and plain.partition("=")[0].strip().strip('"') == name:
            found, name = number, ""
        if found and inside and not name and pattern in line:
            return number
    return found or 1


class _Checker:
    """What an editor can get wrong in one file."""

    def __init__(self, path: Path, rules: Rules) -> None:
        self._path, self._rules = path, rules
        families = {topic.partition(".")[0] for topic in rules.topics}
        self._topics = {*rules.topics, *families}

    def check(self, data: Mapping[str, Any]) -> None:
        if data.get("language") != self._path.stem:
            self._wrong("", "language", f'write language = "{self._path.stem}", as the file is named')
        for section, value in data.items():
            if section not in _PLAIN:
                self._known("", section, {*SECTIONS, *_EXAMPLES}, "section")
                self._section(section, value)
        for name in data.get("blind", ()):
            if name not in self._topics:
                self._wrong("", "blind", _unknown(name, self._topics, "topic"))

    def _section(self, section: str, value: object) -> None:
        if not isinstance(value, dict):
            self._wrong("", section, f"write [{section}] on a line of its own, and name = words below it")
        allowed = self._rules.concepts if section in ("objects", "acts") else SECTIONS.get(section)
        for name, content in value.items():
            if section in _EXAMPLES:
                self._example(section, name, content)
                continue
            if allowed is not None:
                self._known(section, name, allowed, f"name in [{section}]")
            if not isinstance(content, bool if name in _FLAGS else str):
                self._wrong(
                    section, name, "write true or false" if name in _FLAGS else "write the words between quotes"
                )
        if section == "numbers":
            self._numbers(value)

    def _numbers(self, value: Mapping[str, str]) -> None:
        for name in ("words", "people"):
            for pattern in split(value.get(name, "")):
                word, _, count = pattern.partition("=")
                if not (word.strip() and count.strip().isdecimal()):
                    self._wrong("numbers", name, f'{pattern!r}: write a word and its number, like "three=3"')

    def _example(self, section: str, said: str, lines: object) -> None:
        topic, _, modality = said.partition(" ")
        if topic not in self._topics:
            self._wrong(section, said, _unknown(topic, self._topics, "topic"))
        if section == "must_ring" and not modality:
            self._wrong(section, said, f'the modality is missing: write "{topic} done" or another one')
        groups = set() if section == "must_ring" else set(MODALITY_GROUP.values())
        if modality and modality not in {*MODALITY_GROUP, *groups}:
            self._wrong(section, said, _unknown(modality, {*MODALITY_GROUP, *groups}, "modality"))
        if not isinstance(lines, str) or not lines.strip():
            self._wrong(section, said, 'the sentences are missing: write them one a line between """ and """')
        for line in lines.splitlines():
            text, bar, number = (part.strip() for part in line.partition("|"))
            if bar and not (text and number.isdecimal()):
                self._wrong(section, said, f"{line.strip()!r}: write a sentence, a bar and the number that it tells")

    def _known(self, section: str, name: str, allowed: Collection[str], kind: str) -> None:
        if name not in allowed:
            self._wrong(section or name, name if section else "", _unknown(name, allowed, kind))

    def _wrong(self, section: str, name: str, what: str) -> NoReturn:
        raise PackError(f"{self._path.name}:{line_of(self._path, section, name)}: {what}")


def _unknown(name: str, allowed: Collection[str], kind: str) -> str:
    near = difflib.get_close_matches(name, sorted(allowed), 1)
    advice = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(sorted(allowed))}"
    return f"no {kind} is called {name!r}; {advice}"
