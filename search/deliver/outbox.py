"""The table `deliveries`: what is to go out, what went, what is held, what failed and why."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select, update

from ingest import wire
from ingest.clock import Clock, now, to_ms
from ingest.ledger import Ledger
from ingest.ledger.facts import fact, put_fact
from ingest.ledger.tables import alerts as tables
from ingest.ledger.upsert import upsert
from search.alert import Alert, AlertEvent
from search.alerts.acts import record
from search.alerts.ids import delivery_id
from search.alerts.store import find
from search.deliver.settings import PAGE, DeliverySettings

HOLD = "hold"
rows = tables.deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery whose attempt has been counted: of an event of an alert, or of a notice."""

    id: str
    channel: str
    attempt: int
    planned_ms: int  # when it is tried again, if this attempt fails
    event: AlertEvent | None = None
    alert: Alert | None = None
    notice: bytes = b""  # on the wire


def enqueue(transaction: Connection, event: AlertEvent, number: int, channels: Iterable[str]) -> int:
    """Writes a delivery of the event for the page and each of `channels`, once; gives how many are new.

    The page reads the event itself, so it has it as soon as `transaction` is durable.
    """
    at = to_ms(event.at)
    waiting = "held" if held(transaction) else "waiting"
    added = 0
    for channel in dict.fromkeys([PAGE, *channels]):
        row = {
            "id": delivery_id(event.id, channel),
            "event": number,
            "alert": event.alert,
            "channel": channel,
            "state": "sent" if channel == PAGE else waiting,
            "attempts": 0,
            "due": at,
            "detail": "shown" if channel == PAGE else "",
            "at": at,
            "sent": at if channel == PAGE else None,
        }
        once = upsert(transaction, tables.deliveries).values(row).on_conflict_do_nothing()
        added += transaction.execute(once).rowcount
    return added


def heard_of(transaction: Connection, alerts: Collection[str]) -> list[str]:
    """The channels through which any of `alerts` went, or was to go."""
    found = transaction.execute(select(rows.channel).where(rows.alert.in_(alerts)).distinct().order_by(rows.channel))
    return [row.channel for row in found]


def held(connection: Connection) -> str:
    """Who holds all deliveries, empty where nobody does."""
    return fact(connection, HOLD) or ""


def hold(ledger: Ledger, *, by: str, clock: Clock = now) -> None:
    """Keeps everything that would go out, but for the page, until it is released."""
    at = to_ms(clock())
    with ledger.begin() as transaction:
        put_fact(transaction, HOLD, by, at)
        transaction.execute(update(tables.deliveries).where(rows.state == "waiting").values(state="held"))
        record(transaction, who=by, what="deliveries held", subject="deliveries", at_ms=at)


def release(ledger: Ledger, *, by: str, drop: bool = False, clock: Clock = now) -> int:
    """Lets what was held go out, or drops it when asked; gives how many deliveries that are."""
    at = to_ms(clock())
    values: dict[str, object] = {"state": "waiting", "due": at}
    if drop:
        values = {"state": "failed", "detail": f"dropped by {by} while deliveries were held"}
    with ledger.begin() as transaction:
        put_fact(transaction, HOLD, "", at)
        count = transaction.execute(update(tables.deliveries).where(rows.state == "held").values(values)).rowcount
        what = "held deliveries dropped" if drop else "deliveries released"
        record(transaction, who=by, what=what, subject="deliveries", detail=str(count), at_ms=at)
    return count


def take(
    ledger: Ledger,
    channel: str,
    at_ms: int,
    settings: DeliverySettings,
    pause: Callable[[int], float],
    *,
    shared: bool = False,
) -> Due | None:
    """The next delivery of `channel` that is due, its attempt counted and its next one planned.

    So a process that dies while it sends leaves a delivery that goes again, with the same id. Where others deliver too
    (`shared`), it is not due for them before this attempt must have ended.
    """
    with ledger.read() as reader:  # an idle channel costs no writing transaction
        if not reader.execute(_due(channel, at_ms).limit(1)).first():
            return None
    with ledger.begin("rows") as transaction:
        if held(transaction):
            transaction.execute(update(tables.deliveries).where(rows.state == "waiting").values(state="held"))
            return None
        # A row that another process is taking is passed over, not waited for.
        while row := transaction.execute(_due(channel, at_ms).limit(1).with_for_update(skip_locked=True)).first():
            if row.attempts >= settings.attempts:
                _set(transaction, row.id, state="failed", detail=f"gave up after {row.attempts} attempts: {row.detail}")
                continue
            attempt = row.attempts + 1
            planned = at_ms + round(pause(attempt) * 1000)
            claimed = at_ms + round(settings.claim_seconds * 1000) if shared else 0
            _set(transaction, row.id, attempts=attempt, due=max(planned, claimed))
            due = Due(id=row.id, channel=channel, attempt=attempt, planned_ms=planned)
            if not row.event:
                return replace(due, notice=_notice(transaction, row.alert))
            event, alert = _body(transaction, row.event), find(transaction, row.alert)
            assert alert is not None  # written in the same transaction as the delivery
            return replace(due, event=event, alert=alert)
    return None


def sent(ledger: Ledger, delivery: str, detail: str, at_ms: int) -> None:
    """The receiver has it."""
    with ledger.begin("rows") as transaction:
        _set(transaction, delivery, state="sent", detail=detail, sent=at_ms)


def failed(ledger: Ledger, delivery: str, detail: str) -> None:
    """It will not be tried again, unless the receiver has it already."""
    with ledger.begin("rows") as transaction:
        _set(transaction, delivery, unsent=True, state="failed", detail=detail)


def put_off(ledger: Ledger, delivery: str, detail: str, due_ms: int) -> None:
    """It is tried again at `due_ms`."""
    with ledger.begin("rows") as transaction:
        _set(transaction, delivery, unsent=True, detail=detail, due=due_ms)


def fail_unknown(ledger: Ledger, known: Collection[str]) -> int:
    """Fails what waits for channels that the settings do not have; gives how many."""
    said = f"the settings have no channel of this name; they have {', '.join(sorted(known)) or 'none'}"
    unknown = (rows.state == "waiting") & rows.channel.not_in([PAGE, *known])
    with ledger.read() as reader:
        if not reader.execute(select(func.count()).select_from(tables.deliveries).where(unknown)).scalar():
            return 0
    with ledger.begin() as transaction:
        statement = update(tables.deliveries).where(unknown).values(state="failed", detail=said)
        return transaction.execute(statement).rowcount


def _due(channel: str, at_ms: int):  # type: ignore[no-untyped-def]  # SQLAlchemy infers the row
    wanted = (rows.state == "waiting", rows.channel == channel, rows.due <= at_ms)
    return select(tables.deliveries).where(*wanted).order_by(rows.due, rows.event)


def _set(transaction: Connection, delivery: str, *, unsent: bool = False, **values: object) -> None:
    """`unsent`: only where nobody has sent it since."""
    mine = (rows.id == delivery) & (rows.state != "sent") if unsent else rows.id == delivery
    transaction.execute(update(tables.deliveries).where(mine).values(values))


def _body(transaction: Connection, number: int) -> AlertEvent:
    events = tables.alert_events.c
    return wire.decode(transaction.execute(select(events.body).where(events.number == number)).scalar_one(), AlertEvent)


def _notice(transaction: Connection, name: str) -> bytes:
    rows = tables.notices.c
    return bytes(transaction.execute(select(rows.body).where(rows.id == name)).scalar_one())
