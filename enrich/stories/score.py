"""Two articles -> a score that they tell one event, as a sum that explains itself."""

import math
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from enrich.article import StoryKeys

KINDS = ("entities", "concepts", "words")


@dataclass(frozen=True, slots=True)
class Vector:
    """Weights by key, and their Euclidean norm."""

    weights: Mapping[str, float]
    norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One article as it is compared. Rarity is that of the stream when it arrived."""

    language: str
    day: int
    vectors: Mapping[str, Vector]
    rare: Mapping[str, float]  # its entities by rarity
    title: Mapping[str, float]  # entities of the title, by rarity
    events: tuple[str, ...]


@cache
def weights() -> Mapping[str, float]:
    """The weights of weights.toml."""
    table = tomllib.loads((files("enrich.stories") / "weights.toml").read_text(encoding="utf-8"))
    return {name: float(value) for name, value in table["weights"].items()}


class Rarity:
    """How many articles of the stream so far held each key. Starts empty; no table is shipped."""

    def __init__(self) -> None:
        self._articles: Counter[str] = Counter()
        self._held: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}

    def add(self, keys: StoryKeys, language: str) -> None:
        """Counts one article."""
        self._articles["*"] += 1
        self._articles[language] += 1
        for kind in KINDS:
            self._held[kind].update(_named(kind, getattr(keys, kind), language))

    def of(self, kind: str, key: str, language: str) -> float:
        """Inverse document frequency: words among the articles of their language, the rest among all."""
        articles = self._articles[language if kind == "words" else "*"]
        return math.log((articles + 10) / (self._held[kind][key] + 0.5))

    def evidence(self, keys: StoryKeys, language: str) -> Evidence:
        """The article as it will be compared."""
        vectors = {kind: self._vector(kind, getattr(keys, kind), language) for kind in KINDS}
        rare = {name: max(0.0, self.of("entities", name, language)) for name in keys.entities}
        return Evidence(
            language=language,
            day=keys.day,
            vectors=vectors,
            rare=rare,
            title={name: rare[name] for name in keys.title_entities if name in rare},
            events=keys.events,
        )

    def _vector(self, kind: str, counts: Mapping[str, int], language: str) -> Vector:
        found: dict[str, float] = {}
        for name, key in zip(counts, _named(kind, counts, language), strict=True):
            rare = self.of(kind, key, language)
            if rare > 0.1:
                found[key] = rare * (1 + math.log(1 + counts[name]))
        return Vector(found, math.sqrt(sum(value * value for value in found.values())) or 1.0)


def _named(kind: str, keys: Iterable[str], language: str) -> list[str]:
    return [f"{language} {key}" for key in keys] if kind == "words" else list(keys)


def cosine(one: Vector, other: Vector) -> float:
    """0 to 1."""
    small, large = sorted((one.weights, other.weights), key=len)
    return sum(value * large[key] for key, value in small.items() if key in large) / (one.norm * other.norm)


def terms(one: Evidence, other: Evidence) -> dict[str, float]:
    """What each kind of evidence adds to the score of the pair; their sum is the score."""
    weight = weights()
    same_language = one.language == other.language
    shared = sum(rare for name, rare in one.rare.items() if name in other.rare)
    least = min(sum(one.rare.values()), sum(other.rare.values()))
    title = sum(rare for name, rare in one.title.items() if name in other.title)
    return {
        "bias": weight["bias"],
        "entities": weight["entities"] * cosine(one.vectors["entities"], other.vectors["entities"]),
        "contained": weight["contained"] * min(1.0, shared / max(8.0, least)),
        "title": weight["title"] * min(15.0, title) / 10,
        "concepts": weight["concepts"] * cosine(one.vectors["concepts"], other.vectors["concepts"]),
        "words": weight["words"] * cosine(one.vectors["words"], other.vectors["words"]) if same_language else 0.0,
        "gap": weight["gap"] * min(abs(one.day - other.day), 7) / 7,
        "cross language": 0.0 if same_language else weight["cross_language"],
    }


def score(one: Evidence, other: Evidence) -> float:
    """How much speaks for one event; 0 is even."""
    return sum(terms(one, other).values())


def explain(one: Evidence, other: Evidence, limit: int = 5) -> tuple[str, ...]:
    """The strongest shared evidence in words, e.g. "entities +2.1: Q184, Q30"."""
    said: list[str] = []
    for name, value in sorted(terms(one, other).items(), key=lambda pair: -abs(pair[1]))[: limit + 1]:
        if name == "bias" or abs(value) < 0.05:
            continue
        keys = _shared(one, other, name)
        said.append(f"{name} {value:+.1f}" + (f": {', '.join(keys)}" if keys else ""))
    return tuple(said[:limit])


def _shared(one: Evidence, other: Evidence, name: str) -> list[str]:
    kind = {"contained": "entities", "title": "entities"}.get(name, name)
    if kind not in KINDS:
        return []
    mine, theirs = one.vectors[kind].weights, other.vectors[kind].weights
    return sorted((key for key in mine if key in theirs), key=lambda key: -mine[key])[:4]
