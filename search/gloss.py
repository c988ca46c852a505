"""What the tellings of an alert say -> a first line in the desk's language, put together from the tags."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from enrich.article import MODALITY_GROUP
from search.alert import Said, Telling

DATA = Path(__file__).with_name("gloss.toml")
MOST_EVENTS = 3
FIRMNESS = {"fact": 0, "said": 1, "unclear": 2, "not": 3}
ARROW, EXCHANGE = " → ", " ⇄ "


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What one language calls events and modalities."""

    topics: dict[str, str]  # "prisoners.released" -> "prisoners released"
    counted: dict[str, str]  # the same with "{number}"
    modalities: dict[str, str]  # empty for what needs no word
    unsure: str
    numbers: dict[str, str]


def gloss(tellings: Iterable[Telling], language: str = "en") -> str:
    """Who did what, how firmly, and what for, of the events that matched; never a translation of the text.

    Events that are told in exchange stand on both sides of ⇄. Where no event matched, the first headline as it is.
    English words stand in where `language` has none.

    >>> from datetime import UTC, datetime
    >>> said = (
    ...     Said(topic="prisoners.released", modality="done", sure=True, salience="lead", confidence=0.9,
    ...          actor_name="Belarus", number=3, matched=True),
    ...     Said(topic="sanctions.eased", modality="proposed", sure=True, salience="lead", confidence=0.9,
    ...          actor_name="United States", matched=True),
    ... )
    >>> telling = Telling(article="a", revision=1, url="", title="", source="", feed="", language="id", origin="live",
    ...                   published=None, seen=datetime.now(UTC), said=said, exchanges=((0, 1),))
    >>> gloss([telling])
    'Belarus: three prisoners released ⇄ United States: sanctions eased (proposed)'
    """
    known = list(tellings)
    words = words_of(language)
    standing = [telling for telling in known if not telling.withdrawn] or known
    best = _firmest(standing)
    if not best:
        return standing[0].title if standing else ""
    tied = _exchange(standing, best)
    parts = [EXCHANGE.join(phrase(best[topic], words) for topic in tied)] if tied else []
    parts += [phrase(said, words) for topic, said in best.items() if topic not in tied]
    return "; ".join(parts[:MOST_EVENTS])


def phrase(said: Said, words: Words) -> str:
    """One event: its parties, what happened, and how firmly it is told."""
    target = said.target_name if said.target_name != said.actor_name else ""
    # A target alone keeps its arrow: it must not read as the one who did it.
    parties = f"{said.actor_name}{ARROW}{target}".strip() if target else said.actor_name
    act = words.topics.get(said.topic) or said.topic.replace(".", " ").replace("-", " ")
    form = words.counted.get(f"{said.topic}.one" if said.number == 1 else said.topic)
    if said.number is not None and form:
        act = form.replace("{number}", words.numbers.get(str(said.number), str(said.number)))
    marks = [words.modalities.get(said.modality, said.modality), "" if said.sure else words.unsure]
    firmly = f" ({', '.join(filter(None, marks))})" if any(marks) else ""
    return f"{parties}: {act}{firmly}" if parties else f"{act[:1].upper()}{act[1:]}{firmly}"


@cache
def words_of(language: str) -> Words:
    """The words of `language`, English ones where it has none."""
    tables = _read()
    own, english = tables.get(language, {}), tables["en"]
    return Words(
        topics={**english["topics"], **own.get("topics", {})},
        counted=own.get("counted", {}) if own else english["counted"],
        modalities={**english["modalities"], **own.get("modalities", {})},
        unsure=str(own.get("unsure", english["unsure"])),
        numbers=own.get("numbers", {}) if own else english["numbers"],
    )


def languages() -> list[str]:
    """The languages that have words of their own."""
    return sorted(_read())


@cache
def _read() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads(DATA.read_text(encoding="utf-8"))


def _firmest(tellings: Sequence[Telling]) -> dict[str, Said]:
    """Each event that matched, as the telling has it that tells it most firmly."""
    best: dict[str, Said] = {}
    for telling in tellings:
        for said in telling.said:
            if said.matched and (said.topic not in best or _rank(said) < _rank(best[said.topic])):
                best[said.topic] = said
    return best


def _rank(said: Said) -> tuple[int, bool, bool, float]:
    group = MODALITY_GROUP.get(said.modality, "unclear")
    return (FIRMNESS[group], not said.sure, not (said.actor_name or said.target_name), -said.confidence)


def _exchange(tellings: Sequence[Telling], best: dict[str, Said]) -> tuple[str, ...]:
    """The two events that a telling ties to each other, in its order."""
    for telling in tellings:
        for one, other in telling.exchanges:
            pair = (telling.said[one].topic, telling.said[other].topic)
            if pair[0] != pair[1] and all(topic in best for topic in pair):
                return pair
    return ()
