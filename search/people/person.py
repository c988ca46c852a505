"""People, their sessions and API tokens as records, and the rules of who may do what."""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ingest.verdict import Reject
from search.alerts.acts import LONGEST_NAME, clean_name

Role = Literal["reader", "editor", "operator"]
ROLES: tuple[Role, ...] = ("reader", "editor", "operator")  # each may also do what those before it may
Way = Literal["open", "folder", "session", "proxy", "token"]


class PeopleError(Reject, ValueError):
    """Something about people that cannot be: says what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone who may sign in."""

    name: str  # unique; stands beside what they do
    display: str = ""
    role: Role
    desks: tuple[str, ...] = ()  # empty: all
    has_password: bool = True  # else only through a trusted proxy
    disabled: datetime | None = None
    added: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that someone signed in with."""

    id: str
    person: str
    made: datetime
    used: datetime  # last, to the minute
    until: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a program signs in with, in a person's name."""

    name: str
    person: str
    role: Role
    desks: tuple[str, ...] = ()  # empty: the person's
    made: datetime
    used: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, and how that is known."""

    name: str  # empty where nobody has to sign in and no name was given
    display: str = ""
    role: Role
    desks: tuple[str, ...] = ()  # empty: all
    way: Way
    session: str = ""  # its id
    token: str = ""  # its name


def at_least(role: str, wanted: str) -> bool:
    """Whether `role` may do what `wanted` may.

    >>> at_least("operator", "editor"), at_least("reader", "editor")
    (True, False)
    """
    return ROLES.index(role) >= ROLES.index(wanted)


def lesser(one: Role, other: Role) -> Role:
    """The one of two roles that may do less."""
    return other if at_least(one, other) else one


def may_act_for(visitor: Visitor, desk: str) -> bool:
    """Whether alerts of `desk` are theirs to act on; those of no desk are everybody's."""
    return not desk or may_change_for(visitor, desk)


def may_change_for(visitor: Visitor, desk: str) -> bool:
    """Whether watches of `desk` are theirs to change; those of no desk belong to people of all desks."""
    return visitor.role == "operator" or not visitor.desks or desk in visitor.desks


def person_name(name: str) -> str:
    """The name of a person as it is kept.

    Raises: PeopleError if it cannot be one.
    """
    kept = known_as(name)
    if not kept or kept != unicodedata.normalize("NFC", name.strip()):
        raise PeopleError(f"a person's name is one line of 1 to {LONGEST_NAME} printable letters")
    return kept


def known_as(name: str) -> str:
    """A name as it may stand in the ledger, whatever was typed."""
    return unicodedata.normalize("NFC", clean_name(name))


def desk_names(desks: object) -> tuple[str, ...]:
    """The names of desks, each once, in order; from words, or from lines of the ledger."""
    given = desks.split("\n") if isinstance(desks, str) else [str(desk) for desk in desks or ()]  # type: ignore[attr-defined]
    return tuple(dict.fromkeys(name for name in (clean_name(desk) for desk in given) if name))


def secret_digest(secret: str) -> str:
    """What is kept of a token of ours: it is 32 random bytes, so that one plain round is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
