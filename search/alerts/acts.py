"""What people do with an alert -> an alert event with their name, and a line in the audit."""

from typing import Literal, get_args

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from ingest.ledger.tables.people import people
from search.alert import Alert, AlertEvent
from search.alerts.fold import after
from search.alerts.ids import act_id
from search.alerts.store import append, find, write

Act = Literal["acknowledged", "assigned", "closed", "reopened", "right", "wrong"]
LONGEST_NAME = 80


def act(ledger: Ledger, alert: str, kind: str, *, by: str, to: str = "", reason: str = "", clock: Clock = now) -> Alert:
    """The alert after `by` did `kind` with it; `to` is whom it is assigned to, `by` themselves where it is empty.

    What is so already is not written again.
    Raises: ValueError saying what is wrong: no such act or alert, no name, or the alert was merged into another.
    """
    if kind not in get_args(Act):
        raise ValueError(f"no act {kind!r}; there are {', '.join(get_args(Act))}")
    if not clean_name(by):
        raise ValueError("say who you are: the name stands beside what you do")
    with ledger.begin() as transaction:
        found = find(transaction, alert)
        if found is None:
            raise ValueError(f"there is no alert {alert} in this folder")
        if found.state == "merged":
            into = next((event.other for event in reversed(found.events) if event.kind == "merged"), "")
            raise ValueError(f"alert {alert} was merged: act on {into} instead")
        event = _event(found, kind, clean_name(by), clean_name(to) or clean_name(by), reason, clock)
        if _holds_already(found, event):
            return found
        number = append(transaction, event)
        if number is None:
            return found
        changed = after(found, event)
        write(transaction, changed, number)
        detail = f"to {event.other}" if event.other else reason
        record(transaction, who=event.by, what=f"alert {kind}", subject=alert, detail=detail, at_ms=to_ms(event.at))
        return changed


def remember_person(ledger: Ledger, name: str, *, clock: Clock = now) -> str:
    """The name as it is kept.

    Raises: ValueError if nothing of it can be shown.
    """
    kept = clean_name(name)
    if not kept:
        raise ValueError("a name has at least one letter")
    with ledger.begin() as transaction:
        row = {"name": kept, "at": to_ms(clock())}
        transaction.execute(insert(people).values(row).on_conflict_do_nothing())
    return kept


def clean_name(name: str) -> str:
    """`name` on one line, printable, at most 80 characters.

    >>> clean_name("  Ana\\n Petrova ")
    'Ana Petrova'
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split())[:LONGEST_NAME]


def record(transaction: Connection, *, who: str, what: str, subject: str, detail: str = "", at_ms: int) -> None:
    """A line in the audit: append-only."""
    row = {"at": at_ms, "who": who, "what": what, "subject": subject, "detail": detail}
    transaction.execute(tables.audit.insert().values(row))


def _event(alert: Alert, kind: str, by: str, to: str, reason: str, clock: Clock) -> AlertEvent:
    at = clock()
    judged = kind in ("right", "wrong")
    return AlertEvent(
        id=act_id(alert.id, kind, by, to_ms(at)),
        alert=alert.id,
        kind="judged" if judged else kind,  # type: ignore[arg-type]  # checked against Act by the caller
        at=at,
        reason=reason,
        by=by,
        verdict=kind if judged else "",  # type: ignore[arg-type]  # "right" or "wrong"
        other=to if kind == "assigned" else "",
    )


def _holds_already(alert: Alert, event: AlertEvent) -> bool:
    if event.kind == "judged":
        return alert.verdict == event.verdict
    if event.kind == "assigned":
        return alert.assigned == event.other
    return alert.state == ("open" if event.kind == "reopened" else event.kind)
