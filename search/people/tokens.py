"""API tokens: what a program sends as `Authorization: Bearer` -> a person's rights, or less."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from ingest.clock import from_ms, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables.people import people, tokens
from search.alerts.acts import record
from search.people.person import PeopleError, Person, Token, at_least, desk_names, known_as, lesser, secret_digest
from search.people.sessions import NOTED_MS
from search.people.store import found_person, person_of

PREFIX = "tocsin_"  # so that a leaked one is recognised


def add_token(ledger: Ledger, asked: Token, *, by: str) -> str:
    """Makes a token; gives it, once: only its digest is kept.

    Raises: PeopleError if the person may not do what is asked for, or has a token of that name.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    name, at = known_as(asked.name), to_ms(asked.made)
    if not name:
        raise PeopleError("give the token a name, such as the program that will use it")
    with ledger.begin() as transaction:
        person = found_person(transaction, asked.person)
        desks = _desks_within(person, desk_names(asked.desks))
        if not at_least(person.role, asked.role):
            raise PeopleError(f"{person.name} has the role {person.role}: their token cannot be {asked.role}")
        if transaction.execute(select(tokens.c.id).where(_named(person.name, name))).first() is not None:
            raise PeopleError(f"{person.name} has a token {name!r} already: revoke it, or give another name")
        row = {
            "id": secret_digest(secret),
            "person": person.name,
            "name": name,
            "role": asked.role,
            "desks": "\n".join(desks),
            "made": at,
            "until": to_ms(asked.until) if asked.until else None,
        }
        transaction.execute(insert(tokens).values(row))
        detail = f"{name}: {asked.role}, {', '.join(desks) or 'their desks'}"
        record(transaction, who=by, what="token added", subject=person.name, detail=detail, at_ms=at)
    return secret


def revoke_token(ledger: Ledger, person: str, name: str, *, by: str, at: datetime) -> None:
    """Takes a token back.

    Raises: PeopleError if there is none.
    """
    with ledger.begin() as transaction:
        if not transaction.execute(delete(tokens).where(_named(known_as(person), known_as(name)))).rowcount:
            raise PeopleError(f"{person} has no token {name!r}; `tocsin people token list` shows them")
        record(transaction, who=by, what="token revoked", subject=person, detail=name, at_ms=to_ms(at))


def listed_tokens(ledger: Ledger) -> list[Token]:
    """All tokens, without what is sent, by person and name; those that are over too."""
    with ledger.read() as connection:
        rows = connection.execute(select(tokens).order_by(tokens.c.person, tokens.c.name)).all()
    return [_token(row) for row in rows]


def borne_by(ledger: Ledger, secret: str, now_ms: int) -> tuple[Token, Person] | None:
    """The token that was sent, with what it may do now, and whose it is; None where it is not good.

    It never may do more than its person may at this moment.
    """
    digest = secret_digest(secret)
    with ledger.read() as connection:
        row = connection.execute(select(tokens).where(tokens.c.id == digest)).one_or_none()
        if row is None or (row.until is not None and row.until <= now_ms):
            return None
        whose = select(people).where(people.c.name == row.person, people.c.role != "", people.c.disabled.is_(None))
        found = connection.execute(whose).one_or_none()
    if found is None:
        return None
    person, token = person_of(found), _token(row)
    desks = tuple(desk for desk in token.desks or person.desks if not person.desks or desk in person.desks)
    if token.desks and not desks:
        return None  # none of its desks is its person's any more; no desks at all would mean all of them
    return replace(token, role=lesser(token.role, person.role), desks=desks), person


def note_token_use(ledger: Ledger, secret: str, now_ms: int) -> None:
    """A program uses this token; kept to the minute."""
    fresh = tokens.c.used.is_not(None) & (tokens.c.used > now_ms - NOTED_MS)
    stale = (tokens.c.id == secret_digest(secret)) & ~fresh
    with ledger.read() as connection:
        if connection.execute(select(tokens.c.id).where(stale)).first() is None:
            return
    with ledger.begin() as transaction:
        transaction.execute(update(tokens).where(stale).values(used=now_ms))


def _desks_within(person: Person, desks: Sequence[str]) -> Sequence[str]:
    beyond = [desk for desk in desks if person.desks and desk not in person.desks]
    if beyond:
        raise PeopleError(f"{person.name} is not of the desk {beyond[0]!r}: their token cannot be either")
    return desks


def _named(person: str, name: str):  # type: ignore[no-untyped-def]  # SQLAlchemy infers the expression
    return (tokens.c.person == person) & (tokens.c.name == name)


def _token(row: Row[Any]) -> Token:
    return Token(
        name=row.name,
        person=row.person,
        role=row.role,
        desks=desk_names(row.desks),
        made=from_ms(row.made),
        used=from_ms(row.used) if row.used is not None else None,
        until=from_ms(row.until) if row.until is not None else None,
    )
