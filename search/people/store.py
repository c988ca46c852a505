"""People in the ledger: who there is, added and changed, each change a line in the audit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ingest.clock import Clock, from_ms, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables.people import people, sessions, tokens
from search.alerts.acts import record
from search.people.passwords import check_password, hashed
from search.people.person import ROLES, PeopleError, Person, Role, desk_names, known_as, person_name

SIGNS_IN = people.c.role != ""


class People:
    """The people of a ledger. Safe to share between threads."""

    def __init__(self, ledger: Ledger, *, clock: Clock = now) -> None:
        self._ledger, self._clock = ledger, clock

    def any(self) -> bool:
        """Whether there is anybody who may sign in, disabled ones too."""
        with self._ledger.read() as connection:
            return connection.execute(select(people.c.name).where(SIGNS_IN).limit(1)).first() is not None

    def listing(self) -> list[Person]:
        """Everybody who may sign in, by name; disabled ones too."""
        with self._ledger.read() as connection:
            rows = connection.execute(select(people).where(SIGNS_IN).order_by(people.c.name)).all()
        return [person_of(row) for row in rows]

    def get(self, name: str) -> Person | None:
        """The person of that name."""
        with self._ledger.read() as connection:
            row = connection.execute(select(people).where(SIGNS_IN, people.c.name == known_as(name))).one_or_none()
        return person_of(row) if row is not None else None

    def add(self, person: Person, *, password: str, by: str) -> Person:
        """Adds someone; without a password they sign in through a trusted proxy alone.

        Raises: PeopleError if there is one of that name, or something about them cannot be.
        """
        added = replace(person, name=person_name(person.name), role=_role(person.role), desks=desk_names(person.desks))
        kept = _hash(password, added.name)
        with self._ledger.begin() as transaction:
            _refuse_double(transaction, added.name)
            row = {
                "display": known_as(added.display),
                "role": added.role,
                "desks": "\n".join(added.desks),
                "password": kept,
                "disabled": None,
            }
            named = update(people).where(people.c.name == added.name).values(row)
            if not transaction.execute(named).rowcount:  # else a name that was given at an open page
                transaction.execute(insert(people).values(name=added.name, at=to_ms(self._clock()), **row))
            self._record(transaction, by, "person added", added.name, _said(added.role, added.desks))
        found = self.get(added.name)
        assert found is not None  # it was written above
        return found

    def set_password(self, name: str, password: str, *, by: str) -> None:
        """Gives a new password and ends all sessions.

        Raises: PeopleError.
        """
        kept = _hash(password, known_as(name))
        if not kept:
            raise PeopleError("give a password")
        with self._ledger.begin() as transaction:
            person = found_person(transaction, name)
            transaction.execute(update(people).where(people.c.name == person.name).values(password=kept))
            ended = end_sessions(transaction, person.name)
            self._record(transaction, by, "password changed", person.name, f"{ended} sessions ended")

    def set_role(self, name: str, role: str, desks: Sequence[str] | None = None, *, by: str) -> Person:
        """Gives another role, and other desks where `desks` is not None.

        Raises: PeopleError, also if nobody would be left who may do everything.
        """
        with self._ledger.begin() as transaction:
            person = found_person(transaction, name)
            chosen = person.desks if desks is None else desk_names(desks)
            changed = replace(person, role=_role(role), desks=chosen)
            values = {"role": changed.role, "desks": "\n".join(changed.desks)}
            transaction.execute(update(people).where(people.c.name == person.name).values(values))
            if person.role == "operator":
                _keep_an_operator(transaction)
            was = f"before: {_said(person.role, person.desks)}"
            said = f"{_said(changed.role, changed.desks)}; {was}"
            self._record(transaction, by, "role changed", person.name, said)
        return changed

    def switch(self, name: str, *, enabled: bool, by: str) -> None:
        """Lets someone in again, or no more: all their sessions end, and their tokens are refused.

        Raises: PeopleError, also if nobody would be left who may do everything.
        """
        with self._ledger.begin() as transaction:
            person = found_person(transaction, name)
            disabled = None if enabled else to_ms(self._clock())
            transaction.execute(update(people).where(people.c.name == person.name).values(disabled=disabled))
            ended = 0 if enabled else end_sessions(transaction, person.name)
            if not enabled:
                _keep_an_operator(transaction)
            what, detail = ("person enabled", "") if enabled else ("person disabled", f"{ended} sessions ended")
            self._record(transaction, by, what, person.name, detail)

    def sign_out(self, name: str, *, by: str, but: str = "") -> int:
        """Ends all sessions of someone, but for the one of id `but`; gives how many.

        Raises: PeopleError if there is no such person.
        """
        with self._ledger.begin() as transaction:
            person = found_person(transaction, name)
            ended = end_sessions(transaction, person.name, but=but)
            self._record(transaction, by, "sessions ended", person.name, str(ended))
        return ended

    def _record(self, transaction: Connection, who: str, what: str, subject: str, detail: str) -> None:
        record(transaction, who=who, what=what, subject=subject, detail=detail, at_ms=to_ms(self._clock()))


def person_of(row: Row[Any]) -> Person:
    """A row of the table as a record."""
    return Person(
        name=row.name,
        display=row.display,
        role=row.role,
        desks=desk_names(row.desks),
        has_password=bool(row.password),
        disabled=_moment(row.disabled),
        added=from_ms(row.at),
    )


def found_person(connection: Connection, name: str) -> Person:
    """The person of that name.

    Raises: PeopleError if there is none.
    """
    row = connection.execute(select(people).where(SIGNS_IN, people.c.name == known_as(name))).one_or_none()
    if row is None:
        raise PeopleError(f"there is no person {known_as(name)!r}; `tocsin people list` shows them")
    return person_of(row)


def end_sessions(transaction: Connection, name: str, *, but: str = "") -> int:
    """Ends the sessions of someone; gives how many."""
    return transaction.execute(delete(sessions).where(sessions.c.person == name, sessions.c.id != but)).rowcount


def standing(ledger: Ledger, now_ms: int) -> dict[str, tuple[int, int]]:
    """Each person's sessions and tokens that are good now, as two counts."""
    counted: dict[str, list[int]] = {}
    with ledger.read() as connection:
        for at, table, good in (
            (0, sessions, sessions.c.until > now_ms),
            (1, tokens, tokens.c.until.is_(None) | (tokens.c.until > now_ms)),
        ):
            for name, count in connection.execute(
                select(table.c.person, func.count()).where(good).group_by(table.c.person)
            ):
                counted.setdefault(name, [0, 0])[at] = count
    return {name: (counts[0], counts[1]) for name, counts in counted.items()}


def _refuse_double(transaction: Connection, name: str) -> None:
    # Names that look the same would stand beside each other in the audit.
    for known in transaction.execute(select(people.c.name).where(SIGNS_IN)).scalars():
        if known.casefold() == name.casefold():
            raise PeopleError(f"there is a person {known!r} already; `tocsin people --help` says how to change them")


def _keep_an_operator(transaction: Connection) -> None:
    left = select(people.c.name).where(people.c.role == "operator", people.c.disabled.is_(None)).limit(1)
    if transaction.execute(left).first() is None:
        raise PeopleError("nobody would be left who may do everything: make someone else an operator first")


def _hash(password: str, name: str) -> str:
    if not password:
        return ""
    check_password(password, name)
    return hashed(password)


def _role(role: str) -> Role:
    found = next((known for known in ROLES if known == role), None)
    if found is None:
        raise PeopleError(f"no role {role!r}; there are {', '.join(ROLES)}")
    return found


def _said(role: str, desks: Sequence[str]) -> str:
    return f"{role}, {', '.join(desks) or 'all desks'}"


def _moment(ms: int | None) -> datetime | None:
    return from_ms(ms) if ms is not None else None
