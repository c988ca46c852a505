"""A date as somebody wrote it -> a Stamp, or nothing where it cannot be trusted."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingest.entry import Stamp
from ingest.months import month, named
from ingest.zones import distance, is_zone

EARLIEST_YEAR = 1990
FUTURE = timedelta(hours=36)  # a wrong zone of the server may put "now" ahead; nothing is published later than this
LONGEST = 120

_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
_ISO = re.compile(
    r"(\d{4})(-?)(\d{2})\2(\d{2})(?:[T ]?(\d{2}):?(\d{2})(?::?(\d{2}))?(?:[.,]\d+)?)?\s*([^\d\s].*)?", re.IGNORECASE
)
_YEAR_FIRST = re.compile(
    r"(\d{4})\s*[-/.年년]\s*(\d{1,2})\s*[-/.月월]\s*(\d{1,2})(?:\s*[日일][.(（]?|\.)?(?:T|[,(（\s]|$|(?<=[日일])(?=\w))(.*)",
    re.IGNORECASE,
)
_DAY_FIRST = re.compile(r"(?:[^\W\d]+[.,]*\s+)?(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?![\d/-])[,\s]*(.*)")
_BEFORE = r"(?:(?P<before>上午|凌晨|下午|晚上|午前|午後|오전|오후)\s*)?(?<![\d.:+-])(?P<hour>\d{1,2})"
_HALF = r"\s*(?P<half>[ap]\.?m\b\.?|[صم]\b)"
_CLOCKS = tuple(
    re.compile(_BEFORE + rest, re.IGNORECASE)
    for rest in (
        rf":(?P<minute>\d{{2}})(?::(?P<second>\d{{1,2}})(?:[.,]\d+)?)?(?!\d)(?:{_HALF})?",
        r"\s?[時时點点시](?:\s?(?P<minute>\d{1,2})\s?[分분]?(?:\s?(?P<second>\d{1,2})\s?[秒초])?)?",
        _HALF,
        r"\s?h(?:\s?(?P<minute>\d{2}))?\b",
        r"\.(?P<minute>\d{2})(?:\.(?P<second>\d{2}))?(?=\s*(?:Uhr|WIB|WITA|WIT|$))",
    )
)
_AFTERNOON = ("p", "م", "下午", "晚上", "午後", "오후")
_ZONE = re.compile(r"[\s(,]*((?:GMT|UTC?)?\s*[+-]\d{1,2}:?(?:\d{2})?|[A-Z]{1,5}|МСК)\b(?![:\d])", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\d)(?<!\d[.:])\d{1,4}(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
_DAY_FIRST_ENGLISH = ("gb", "ie", "au", "nz", "in", "my", "sg", "hk", "pk", "ng", "ke")


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
    if value.year < EARLIEST_YEAR or value > now + FUTURE:
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
    iso = _ISO.fullmatch(text)
    if iso:
        year, _, number, day, hour, minute, second, after = iso.groups(default="")
        clock = f"{hour}:{minute}{':' + second if second else ''} " if hour else ""
        return _clocked(int(year), int(number), int(day), clock + after)
    clocked = _clock(text)
    if clocked and clocked.start == 0:  # "10:15, 24/11/2026"
        text = f"{text[clocked.end :].lstrip(' ,|-')} {text[: clocked.end]}"
    numeric = _YEAR_FIRST.match(text)
    if numeric:
        return _clocked(int(numeric[1]), int(numeric[2]), int(numeric[3]), numeric[4])
    numeric = _DAY_FIRST.match(text)
    if numeric:
        order = _day_and_month(int(numeric[1]), int(numeric[3]), numeric[2], language)
        return _clocked(int(numeric[4]), order[1], order[0], numeric[5]) if order else None
    return _in_words(text, language)


def _day_and_month(first: int, second: int, sign: str, language: str) -> tuple[int, int] | None:
    """Day and month of two numbers; None where either could be either."""
    spoken, _, region = language.lower().replace("_", "-").partition("-")
    if sign == "." or first > 12 or first == second:
        return first, second
    if spoken != "en":
        return (first, second) if spoken and region != "us" else (second, first) if second > 12 else None
    if region in _DAY_FIRST_ENGLISH:
        return first, second
    return (second, first) if second > 12 or region == "us" else None


def _in_words(text: str, language: str) -> _Told | None:
    """A date with the month as a word: exactly one month, one day and one year, in any order."""
    clock = _clock(text)
    rest = f"{text[: clock.start]} {text[clock.end :]}" if clock else text
    words = _WORD.findall(rest.replace("\u0301", ""))
    found = named(words, language)
    if len(found) > 1:  # "mar, 24 nov 2026": a day of the week in front may look like a month
        found = named(words[1:], language)
    numbers = [(int(number[0]), len(number[0])) for number in _NUMBER.finditer(rest)]
    years = [value for value, width in numbers if width == 4]
    days = [value for value, width in numbers if width <= 2]
    if not years and len(days) == 2:  # "24 Nov 26", as RFC 822 wrote it
        years = [days[1] + (2000 if days[1] < 70 else 1900)]
        days = days[:1]
    if len(found) != 1 or len(years) != 1 or len(days) != 1:
        return None
    return _clocked(years[0], found.pop(), days[0], text[clock.start :] if clock else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clock:
    """A time of the day, and which part of the text tells it and its zone."""

    hour: int
    minute: int
    second: int | None
    zone: str
    start: int
    end: int


def _clock(text: str) -> _Clock | None:
    found = next((clock for clock in (pattern.search(text) for pattern in _CLOCKS) if clock), None)
    if found is None:
        return None
    parts = found.groupdict()
    after = _ZONE.match(text, found.end())
    zone = _zone_of(after[1]) if after else ""
    return _Clock(
        hour=_of_24(int(parts["hour"]), (parts["before"] or parts.get("half") or "").lower()),
        minute=int(parts.get("minute") or 0),
        second=int(parts["second"]) if parts.get("second") else None,
        zone=zone,
        start=found.start(),
        end=after.end() if after and zone else found.end(),
    )


def _clocked(year: int, number: int, day: int, rest: str) -> _Told:
    """The day with the clock time and the zone that `rest` tells."""
    clock = _clock(rest)
    if clock is None:
        return _Told(year=year, month=number, day=day)
    return _Told(
        year=year, month=number, day=day, hour=clock.hour, minute=clock.minute, second=clock.second, zone=clock.zone
    )


def _of_24(hour: int, half: str) -> int:
    if half.startswith(_AFTERNOON):
        return hour + 12 if hour < 12 else hour
    return 0 if half and hour == 12 else hour


def _zone_of(found: str) -> str:
    """The zone as written; a word that merely follows the clock ("Uhr", "est", "Nov") is none."""
    written = found.strip()
    if written[-1].isdigit() or is_zone(written):
        return written
    return written if written.isupper() and len(written) > 2 and not month(written) else ""


def _moment(told: _Told) -> datetime:
    """Naive. Hour 24 is the next midnight, and a leap second the second before."""
    midnight = datetime(told.year, told.month, told.day)  # noqa: DTZ001 - the caller adds the zone as written
    hour, second = told.hour or 0, told.second or 0
    if hour > 24 or told.minute > 59 or second > 60 or (hour == 24 and told.minute + second):
        raise ValueError("no time of the day")
    return midnight + timedelta(hours=hour, minutes=told.minute, seconds=min(second, 59))
