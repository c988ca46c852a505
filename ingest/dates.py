"""A date as somebody wrote it -> a Stamp, or nothing where it cannot be trusted."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ingest.entry import Stamp
from ingest.months import month
from ingest.zones import distance

EARLIEST_YEAR = 1990
FUTURE = timedelta(hours=36)  # a wrong zone of the server may put "now" ahead; nothing is published later than this
LONGEST = 120

_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?)?\s*([^\d\s].*)?")
_YEAR_FIRST = re.compile(
    r"(\d{4})\s*[-/.年년]\s*(\d{1,2})\s*[-/.月월]\s*(\d{1,2})(?:\s*[日일.])?(?:T|,|\s|$|(?=\d))(.*)", re.IGNORECASE
)
_DAY_FIRST = re.compile(r"(?:[^\W\d]+[.,]*\s+)?(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?![\d/-])[,\s]*(.*)")
_CLOCK = re.compile(
    r"(?<!\d)(?P<hour>\d{1,2})[:時시点](?P<minute>\d{2})分?(?::(?P<second>\d{2})(?:[.,]\d+)?)?秒?\s*(?P<half>[ap]\.?m\b\.?)?"
    r"|(?<!\d)(?P<hour12>\d{1,2})\s*(?P<half12>[ap]\.?m\b\.?)",
    re.IGNORECASE,
)
_DOTTED_CLOCK = re.compile(r"\b(\d{1,2})[.h](\d{2})(?=\s*(?:Uhr|WIB|WITA|WIT|$))", re.IGNORECASE)
_AFTERNOON = re.compile(r"下午|오후")
_ZONE = re.compile(r"^[\s(,]*((?:GMT|UTC?)?\s*[+-]\d{1,2}:?(?:\d{2})?|[A-Z]{1,5}|МСК)\b(?![:\d])", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\d.:])\d{1,4}(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")


def parse(raw: str, *, source: str, now: datetime, language: str = "") -> Stamp | None:
    """The moment that `raw` tells; `source` says where it stood, and goes into the Stamp as it is.

    Reads RFC 822, RFC 3339, ISO 8601, ctime, seconds since 1970 and dates with month names in the languages of the
    feeds. `precision` tells how much was written; without a zone it is taken as UTC and `zone` is empty; a zone that
    had to be guessed is marked. `language` decides what is written alike in several places.
    None where there is no date, where it has several meanings (03/04/2026), before 1990, or over 36 h after `now`.
    """
    text = _plain(raw)
    told = _told(text, language) if 4 <= len(text) <= LONGEST else None
    if told is None:
        return None
    known = distance(told.zone, language) if told.zone else None
    try:
        value = _moment(told).replace(tzinfo=known[0] if known else UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if told.year < EARLIEST_YEAR or value > now + FUTURE:
        return None
    return Stamp(
        value=value,
        source=source,
        raw=raw.strip()[:LONGEST],
        precision="day" if told.hour is None else "minute" if told.second is None else "second",
        zone=told.zone,
        zone_guessed=bool(told.zone) and (known is None or known[1]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    year: int
    month: int
    day: int
    hour: int | None = None
    minute: int = 0
    second: int | None = None
    zone: str = ""


def _plain(raw: str) -> str:
    """One line with ASCII digits, signs and spaces."""
    digits = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in raw[: 2 * LONGEST])
    return " ".join(digits.replace("\u2212", "-").replace("\u200f", "").replace("\u200e", "").split())


def _told(text: str, language: str) -> _Told | None:
    if _EPOCH.fullmatch(text):
        moment = datetime.fromtimestamp(int(text[:10]), UTC)
        return _clocked(moment.year, moment.month, moment.day, f"{moment:%H:%M:%S} UTC")
    compact = _COMPACT.fullmatch(text)
    if compact:
        year, number, day, hour, minute, second, zone = compact.groups()
        clock = f"{hour}:{minute}{':' + second if second else ''} {zone or ''}" if hour else ""
        return _clocked(int(year), int(number), int(day), clock)
    numeric = _YEAR_FIRST.match(text)
    if numeric:
        return _clocked(int(numeric[1]), int(numeric[2]), int(numeric[3]), numeric[4])
    numeric = _DAY_FIRST.match(text)
    if numeric:
        order = _day_and_month(int(numeric[1]), int(numeric[3]), numeric[2], language)
        return _clocked(int(numeric[4]), order[1], order[0], numeric[5]) if order else None
    return _in_words(text)


def _day_and_month(first: int, second: int, sign: str, language: str) -> tuple[int, int] | None:
    """Day and month of two numbers; None where either could be either."""
    spoken = language.lower()
    if sign == "." or first > 12 or first == second or (spoken and not spoken.startswith("en")) or spoken == "en-gb":
        return first, second
    return (second, first) if second > 12 or spoken == "en-us" else None


def _in_words(text: str) -> _Told | None:
    """A date with the month as a word: exactly one month, one day and one year, in any order."""
    clock = _CLOCK.search(text) or _DOTTED_CLOCK.search(text)
    rest = text[: clock.start()] + " " + text[clock.end() :] if clock else text
    rest = re.sub(r"[+-]\d{2}:?\d{2}\b", " ", rest) if clock else rest
    words = _WORD.findall(rest.replace("\u0301", ""))
    pairs = [f"{one} {other}" for one, other in pairwise(words)]
    months = {number for number in map(month, [*pairs, *words]) if number}
    numbers = [(int(found[0]), len(found[0])) for found in _NUMBER.finditer(rest)]
    years = [value for value, width in numbers if width == 4]
    days = [value for value, width in numbers if width <= 2]
    if not years and len(days) == 2:  # "24 Nov 26", as RFC 822 wrote it
        years = [days[1] + (2000 if days[1] < 70 else 1900)]
        days = days[:1]
    if len(months) != 1 or len(years) != 1 or len(days) != 1:
        return None
    return _clocked(years[0], months.pop(), days[0], text[clock.start() :] if clock else "")


def _clocked(year: int, number: int, day: int, rest: str) -> _Told:
    """The day with the clock time and the zone that `rest` tells."""
    clock = _CLOCK.search(rest)
    dotted = None if clock else _DOTTED_CLOCK.search(rest)
    if clock is None and dotted is None:
        return _Told(year=year, month=number, day=day)
    if clock is None:
        assert dotted is not None
        hour, minute, second, end = int(dotted[1]), int(dotted[2]), None, dotted.end()
    else:
        half = (clock["half"] or clock["half12"] or "").lower()
        hour = _of_24(int(clock["hour"] or clock["hour12"]), half or ("p" if _AFTERNOON.search(rest) else ""))
        minute, end = int(clock["minute"] or 0), clock.end()
        second = int(clock["second"]) if clock["second"] else None
    found = _ZONE.match(rest[end:])
    zone = _zone_of(found[1]) if found else ""
    return _Told(year=year, month=number, day=day, hour=hour, minute=minute, second=second, zone=zone)


def _of_24(hour: int, half: str) -> int:
    if half.startswith("p"):
        return hour + 12 if hour < 12 else hour
    return 0 if half.startswith("a") and hour == 12 else hour


def _zone_of(found: str) -> str:
    """The zone as written; a word that merely follows the clock ("Uhr", "Nov") is none."""
    written = found.strip()
    return written if distance(written) or (written.isupper() and len(written) > 2 and not month(written)) else ""


def _moment(told: _Told) -> datetime:
    """Naive. Hour 24 is the next midnight, and a leap second the second before."""
    midnight = datetime(told.year, told.month, told.day)  # noqa: DTZ001 - the caller adds the zone as written
    hour, second = told.hour or 0, told.second or 0
    if hour > 24 or told.minute > 59 or second > 60 or (hour == 24 and told.minute + second):
        raise ValueError("no time of the day")
    return midnight + timedelta(hours=hour, minutes=told.minute, seconds=min(second, 59))
