"""The tree of a query: ten kinds of node, every value final, so that no engine analyses, rounds or parses anything."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Union

TEXTS = frozenset({"terms", "title_terms"})
KEYWORDS = frozenset(
    {"id", "topic", "actor", "target", "link", "entity", "story", "copy", "source", "feed", "language", "type"}
)
LOWERED = frozenset({"topic", "link", "source", "language", "type"})
TIMES = frozenset({"seen", "published"})


@dataclass(frozen=True, slots=True)
class Term:
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Phrase:
    field: str
    words: tuple[str, ...]  # side by side, in this order


@dataclass(frozen=True, slots=True)
class Near:
    field: str
    words: tuple[str, ...]  # distinct, in any order
    slop: int  # at most so many others among them


@dataclass(frozen=True, slots=True)
class Prefix:
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Range:
    field: str
    start: int | None  # ms since 1970, inclusive
    end: int | None  # exclusive


@dataclass(frozen=True, slots=True)
class Exists:
    field: str


@dataclass(frozen=True, slots=True)
class All:
    pass


@dataclass(frozen=True, slots=True)
class And:
    kids: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    kids: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    kid: "Node"


Node = Union[Term, Phrase, Near, Prefix, Range, Exists, All, And, Or, Not]  # noqa: UP007 - the classes name it


def both(kids: Iterable[Node]) -> Node:
    """All of them; nested ANDs are made flat and equal parts one."""
    flat = dict.fromkeys(part for kid in kids for part in (kid.kids if isinstance(kid, And) else (kid,)))
    return next(iter(flat)) if len(flat) == 1 else And(tuple(flat))


def either(kids: Iterable[Node]) -> Node:
    """Any of them; nested ORs are made flat and equal parts one."""
    flat = dict.fromkeys(part for kid in kids for part in (kid.kids if isinstance(kid, Or) else (kid,)))
    return next(iter(flat)) if len(flat) == 1 else Or(tuple(flat))


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    return node.kids if isinstance(node, And | Or) else (node.kid,) if isinstance(node, Not) else ()


def size(node: Node) -> int:
    """Nodes in the tree."""
    return 1 + sum(size(part) for part in parts_of(node))


def depth(node: Node) -> int:
    """Levels of the tree."""
    return 1 + max((depth(part) for part in parts_of(node)), default=0)
