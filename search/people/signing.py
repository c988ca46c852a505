"""A name and a password -> a session, or the same answer after the same work whatever was wrong."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from ingest.clock import Clock, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables.people import people
from search.alerts.acts import record
from search.people import passwords
from search.people.person import PeopleError, known_as
from search.people.sessions import Browser, Lasting, end_session, open_session
from search.people.throttle import count_try, limits, succeeded

log = logging.getLogger(f"tocsin.{__name__}")

WRONG = "No person of this name has this password."


class WaitFirst(PeopleError):  # noqa: N818 - a verdict
    """Too many tries: none is looked at for a while."""

    def __init__(self, seconds: int) -> None:
        wait = f"{seconds} s" if seconds < 120 else f"{-(-seconds // 60)} minutes"
        super().__init__(f"Too many tries to sign in: try again in {wait}. An operator can see them in the audit.")
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Signs people in. `verify` says whether a password is the one of a hash; it works as long without a hash."""

    ledger: Ledger
    lasting: Lasting
    clock: Clock
    verify: Callable[[str, str], bool] = passwords.verified

    def sign_in(self, name: str, password: str, browser: Browser, *, before: str = "") -> str:
        """The token of a new session, for the cookie. The session of id `before`, of the same browser, ends.

        Raises: WaitFirst after too many tries; PeopleError if it is not the password, or there is no such person.
        """
        who, now_ms = known_as(name), to_ms(self.clock())
        self._count(who, browser.address, now_ms)
        row = self._find(who)
        good = self.verify(row.password if row else "", password)
        if row is None or not good or row.disabled is not None:
            self._refuse(who if row else "", browser.address)
        assert row is not None
        anew = passwords.hashed(password) if passwords.outdated(row.password) else ""
        with self.ledger.begin() as transaction:
            if not self._still(transaction, row):
                raise PeopleError(WRONG)
            succeeded(transaction, who, browser.address)
            if anew:
                transaction.execute(update(people).where(people.c.name == who).values(password=anew))
            end_session(transaction, before)
            token = open_session(transaction, who, browser, self.lasting, to_ms(self.clock()))
            self._record(transaction, who, "signed in", browser.address, browser.agent)
        return token

    def sign_out(self, name: str, session: str, address: str) -> None:
        """Ends a session."""
        with self.ledger.begin() as transaction:
            end_session(transaction, session)
            self._record(transaction, name, "signed out", address)

    def check(self, name: str, password: str, address: str) -> None:
        """For someone who is signed in and must show that it is they.

        Raises: as `sign_in` does.
        """
        who = known_as(name)
        self._count(who, address, to_ms(self.clock()))
        row = self._find(who)
        if not self.verify(row.password if row else "", password):
            self._refuse(who, address)
        with self.ledger.begin() as transaction:
            succeeded(transaction, who, address)

    def _count(self, who: str, address: str, now_ms: int) -> None:
        """Counts a try before its work, so that many at once are no way around."""
        with self.ledger.begin() as transaction:
            wait = count_try(transaction, limits(who, address), now_ms)
        if wait:
            raise WaitFirst(wait)

    def _find(self, who: str) -> Row[Any] | None:
        with self.ledger.read() as connection:
            return connection.execute(select(people).where(people.c.name == who, people.c.role != "")).one_or_none()

    def _still(self, transaction: Connection, row: Row[Any]) -> bool:
        """Whether nobody changed the password or disabled the person while it was verified."""
        same = (people.c.name == row.name) & (people.c.password == row.password) & people.c.disabled.is_(None)
        return transaction.execute(select(people.c.name).where(same)).first() is not None

    def _refuse(self, known: str, address: str) -> None:
        # What was typed as a name is kept only where it is one: it may be a password.
        log.warning("sign-in refused", extra={"known": bool(known)})
        with self.ledger.begin() as transaction:
            self._record(transaction, known or "unknown", "sign-in failed", address)
        raise PeopleError(WRONG)

    def _record(self, transaction: Connection, who: str, what: str, subject: str, detail: str = "") -> None:
        record(transaction, who=who, what=what, subject=subject, detail=detail, at_ms=to_ms(self.clock()))
