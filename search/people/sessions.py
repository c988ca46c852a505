"""A token in a cookie <-> the session that the ledger keeps of it: only its digest, and only while it is good."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from ingest.clock import from_ms
from ingest.ledger import Ledger
from ingest.ledger.tables.people import people, sessions
from search.people.person import Person, Session, secret_digest
from search.people.store import person_of

NOTED_MS = 60_000  # how exactly the last use is kept
LONGEST_AGENT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """How long a session is good."""

    idle_ms: int  # without use
    most_ms: int  # in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Where someone signs in from."""

    address: str
    agent: str


def open_session(transaction: Connection, name: str, browser: Browser, lasting: Lasting, now_ms: int) -> str:
    """A new session of someone; gives the token for the cookie, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    transaction.execute(delete(sessions).where(~_good(lasting, now_ms)))
    row = {
        "id": secret_digest(token),
        "person": name,
        "made": now_ms,
        "used": now_ms,
        "until": now_ms + lasting.most_ms,
        "address": browser.address,
        "agent": browser.agent[:LONGEST_AGENT],
    }
    transaction.execute(insert(sessions).values(row))
    return token


def session_of(ledger: Ledger, session: str, lasting: Lasting, now_ms: int) -> Person | None:
    """Whose session it is, while it is good and they may sign in."""
    query = (
        select(people, sessions.c.used)
        .join(sessions, sessions.c.person == people.c.name)
        .where(sessions.c.id == session, _good(lasting, now_ms), people.c.role != "", people.c.disabled.is_(None))
    )
    with ledger.read() as connection:
        row = connection.execute(query).one_or_none()
    return person_of(row) if row is not None else None


def note_use(ledger: Ledger, session: str, now_ms: int) -> None:
    """Someone acts or looks with this session; kept to the minute, so that most requests write nothing."""
    stale = (sessions.c.id == session) & (sessions.c.used <= now_ms - NOTED_MS)
    with ledger.read() as connection:
        if connection.execute(select(sessions.c.id).where(stale)).first() is None:
            return
    with ledger.begin() as transaction:
        transaction.execute(update(sessions).where(stale).values(used=now_ms))


def end_session(transaction: Connection, session: str) -> None:
    """Ends one session."""
    transaction.execute(delete(sessions).where(sessions.c.id == session))


def sessions_of(ledger: Ledger, name: str, lasting: Lasting, now_ms: int) -> list[Session]:
    """The sessions of someone that are good now, used last first."""
    query = select(sessions).where(sessions.c.person == name, _good(lasting, now_ms)).order_by(sessions.c.used.desc())
    with ledger.read() as connection:
        return [
            Session(
                id=row.id,
                person=row.person,
                made=from_ms(row.made),
                used=from_ms(row.used),
                until=from_ms(row.until),
                address=row.address,
                agent=row.agent,
            )
            for row in connection.execute(query)
        ]


def _good(lasting: Lasting, now_ms: int):  # type: ignore[no-untyped-def]  # SQLAlchemy infers the expression
    return (sessions.c.until > now_ms) & (sessions.c.used > now_ms - lasting.idle_ms)
