"""A folder's alerts of a day or a week -> one digest for a desk, through its channels, once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flows.home import Home
from flows.opening import Parts, owning
from flows.sending import send_due
from ingest.verdict import Abort, Reject
from search.deliver.digest import Digest, Period, digest_of
from search.deliver.digest_words import digest_notice
from search.deliver.notices import fates, tell

Span = Literal["day", "week"]
DAYS: dict[Span, int] = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAsked:
    """Which digest, and where it goes."""

    desk: str = ""  # empty: every desk
    span: Span = "day"
    before: date | None = None  # the first day after it; None: today, so that the last whole day or week is told
    zone: str = "UTC"  # whose midnights bound it
    channels: tuple[str, ...] = ()  # empty: those of the desk's watches
    limit: int = 20  # lines; what is left out is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """What was told, and what became of it."""

    digest: Digest
    text: str
    desk_url: str
    sent_before: tuple[str, ...]  # channels that had the digest of this period already
    channels: dict[str, str]  # what became of it by channel


def digest_once(home: Home, asked: DigestAsked, *, allow_loopback: bool = False) -> Digested:
    """Makes the digest and sends it, with all else that is due.

    Raises: Abort if another process has the folder; Reject if what is asked cannot be.
    """
    with owning(home, allow_loopback=allow_loopback) as parts:
        made = digested(parts, asked)
        send_due(parts)
        return _with_fates(parts, made)


def digested(parts: Parts, asked: DigestAsked) -> Digested:
    """Makes the digest and puts it on its way; the deliver stage sends it.

    Raises: Reject if there is no such zone or channel, or no channel to send it to.
    """
    zone, now = _zone(asked.zone), parts.clock()
    period = _period(asked, zone, now)
    made = digest_of(parts.ledger, parts.watches.listing(), period, asked.limit)
    url = parts.settings.deliver.desk_url
    notice = digest_notice(made, now, zone, url)
    channels = _channels(parts, asked)
    with parts.ledger.begin() as transaction:
        new = tell(transaction, notice, channels)
    sent_before = tuple(channel for channel, is_new in new.items() if not is_new)
    done = Digested(digest=made, text=notice.text, desk_url=url, sent_before=sent_before, channels={})
    return _with_fates(parts, done)


def sentences(done: Digested) -> Iterable[str]:
    """What came of it, for people."""
    for channel, fate in done.channels.items():
        before = " (it had this digest already: not sent again)" if channel in done.sent_before else ""
        yield f"{channel}: {fate}{before}"


def _with_fates(parts: Parts, done: Digested) -> Digested:
    return replace(done, channels=fates(parts.ledger, done.digest.period.id))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Reject(f'there is no time zone {name!r}; write one such as "Europe/Warsaw"') from error


def _period(asked: DigestAsked, zone: ZoneInfo, now: datetime) -> Period:
    """The whole day, or the whole week from Monday, that ends at the midnight before `asked.before`."""
    last = asked.before or now.astimezone(zone).date()
    if asked.span == "week":
        last -= timedelta(days=last.weekday())
    until = datetime.combine(last, time(), zone)
    if until > now:
        raise Reject(f"the {asked.span} before {last} is not over yet; ask for an earlier one")
    since = datetime.combine(last - timedelta(days=DAYS[asked.span]), time(), zone)
    return Period(desk=asked.desk, since=since.astimezone(UTC), until=until.astimezone(UTC))


def _channels(parts: Parts, asked: DigestAsked) -> list[str]:
    known = [channel.name for channel in parts.settings.channels]
    watches = [watch for watch in parts.watches.listing() if watch.desk == asked.desk or not asked.desk]
    if asked.desk and not watches:
        desks = sorted({watch.desk for watch in parts.watches.listing() if watch.desk})
        raise Reject(f"no watch has the desk {asked.desk!r}; there are {', '.join(desks) or 'none'}")
    wanted = list(dict.fromkeys(asked.channels or [name for watch in watches for name in watch.channels]))
    if unknown := [name for name in wanted if name not in known]:
        said = ", ".join(known) or "none"
        raise Reject(f"the settings have no channel {', '.join(unknown)}; they have {said}")
    if not wanted:
        raise Abort("no watch of this desk has a channel: name one with --channel, or in the watch")
    return wanted
