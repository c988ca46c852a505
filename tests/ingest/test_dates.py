import calendar
import doctest
import gzip
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import feedparser
import pytest
from babel.dates import get_month_names
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest import months, zones
from ingest.dates import EARLIEST_YEAR, FUTURE, LONGEST, parse
from ingest.months import WRITTEN, month
from ingest.zones import AMBIGUOUS, NAMED, distance

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
FEEDS = Path(__file__).parents[2].parent / "shared" / "data" / "feeds_real"
RFC_822 = {"EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"}  # elsewhere they mean other zones


def read(raw, language=""):
    return parse(raw, source="feed:published", now=NOW, language=language)


def told(raw, language=""):
    """What was read, short: "2026-11-24 10:15:30", the precision, the zone, "?" where it was guessed."""
    stamp = read(raw, language)
    if stamp is None:
        return None
    return " ".join([f"{stamp.value:%F %T}", stamp.precision, stamp.zone + "?" * stamp.zone_guessed]).strip()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Tue, 24 Nov 2026 10:15:30 +0300", "2026-11-24 07:15:30 second +0300"),
        ("Tue, 24 Nov 2026 10:15 GMT", "2026-11-24 10:15:00 minute GMT"),
        ("24 Nov 26 10:15 EST", "2026-11-24 15:15:00 minute EST"),
        ("24 Nov 26", "2026-11-24 00:00:00 day"),
        ("6 Nov 94", "1994-11-06 00:00:00 day"),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06 08:49:37 second GMT"),
        ("24-Nov-2026 10:15", "2026-11-24 10:15:00 minute"),
        ("Sun Nov  6 08:49:37 1994", "1994-11-06 08:49:37 second"),
        ("Tue Nov 24 10:15:30 CET 2026", "2026-11-24 09:15:30 second CET"),
        ("Tue Nov 24 10:15:30 +0100 2026", "2026-11-24 09:15:30 second +0100"),
        ("Tue Nov 24 2026 10:15:30 GMT+0100 (Central European Standard Time)", "2026-11-24 09:15:30 second GMT+0100"),
        ("Tue, 24 Nov 2026 10:15:00 +0530 (IST)", "2026-11-24 04:45:00 second +0530"),
        ("Tue, 24 Nov 2026 10:15:00 GMT+3", "2026-11-24 07:15:00 second GMT+3"),
        ("Tue, 24 Nov 2026 10:15:00 +03", "2026-11-24 07:15:00 second +03"),
        ("Thu,28 Jul 2022 4:35:5 GMT+9", "2022-07-27 19:35:05 second GMT+9"),
        ("2026-11-24T10:15:30Z", "2026-11-24 10:15:30 second Z"),
        ("2026-11-24t10:15:30z", "2026-11-24 10:15:30 second z"),
        ("2026-11-24T10:15:30.123456+05:30", "2026-11-24 04:45:30 second +05:30"),
        ("2026-11-24T10:15:30\u22120300", "2026-11-24 13:15:30 second -0300"),
        ("2026-11-24T10:15", "2026-11-24 10:15:00 minute"),
        ("2026-11-24 02:15 PM EST", "2026-11-24 19:15:00 minute EST"),
        ("2026-11-24", "2026-11-24 00:00:00 day"),
        ("2026-11-24+01:00", "2026-11-24 00:00:00 day"),
        ("20261124T101530Z", "2026-11-24 10:15:30 second Z"),
        ("20021231T19:20:30.45+01:00", "2002-12-31 18:20:30 second +01:00"),
        ("2002-12-31T192030+01:00", "2002-12-31 18:20:30 second +01:00"),
        ("20261124", "2026-11-24 00:00:00 day"),
        ("2026/11/24 10:15", "2026-11-24 10:15:00 minute"),
        ("1764000000", "2025-11-24 16:00:00 second UTC"),
        ("1764000000123", "2025-11-24 16:00:00 second UTC"),
    ],
)
def test_what_machines_write_is_read(raw, expected):
    assert told(raw) == expected


@pytest.mark.parametrize(
    ("language", "raw", "expected"),
    [
        ("en", "November 24, 2026 at 3:05 p.m.", "2026-11-24 15:05:00 minute"),
        ("en", "Nov. 24th, 2026 12:15 AM", "2026-11-24 00:15:00 minute"),
        ("en", "Nov. 24, 2026, 12 pm", "2026-11-24 12:00:00 minute"),
        ("id", "Selasa, 24 Mei 2026 14.30 WIB", "2026-05-24 07:30:00 minute WIB"),
        ("id", "Selasa, 24/11/2026 14:30:05 wib", "2026-11-24 07:30:05 second wib"),
        ("id", "24 Agu 2026 | 09.05", "2026-08-24 09:05:00 minute"),
        ("pl", "wtorek, 24 listopada 2026, godz. 14.30", "2026-11-24 14:30:00 minute"),
        ("pl", "24 PAŹDZIERNIKA 2026", "2026-10-24 00:00:00 day"),
        ("hr", "24. listopada 2026.", "2026-10-24 00:00:00 day"),
        ("", "24 listopada 2026", None),
        ("cs", "5. září 2026", "2026-09-05 00:00:00 day"),
        ("uk", "24 листопада 2026, 10:15", "2026-11-24 10:15:00 minute"),
        ("be", "24 лістапада 2026", "2026-11-24 00:00:00 day"),
        ("ru", "Вт, 24 ноября 2026 г. 10:15 мск", "2026-11-24 07:15:00 minute мск"),
        ("ru", "10:15, 24.11.2026", "2026-11-24 10:15:00 minute"),
        ("lt", "2026 m. lapkričio 24 d. 10:15", "2026-11-24 10:15:00 minute"),
        ("ar", "٢٤ نوفمبر ٢٠٢٦ ١٠:١٥", "2026-11-24 10:15:00 minute"),
        ("ar", "الثلاثاء 24 تشرين الثاني/نوفمبر 2026", "2026-11-24 00:00:00 day"),
        ("ar", "24 كانون الأول 2025", "2025-12-24 00:00:00 day"),
        ("ar", "24 كانون الثاني 2026", "2026-01-24 00:00:00 day"),
        ("ar", "24-11-2026 | 10:15 م", "2026-11-24 22:15:00 minute"),
        ("fa", "۲۴ نوامبر ۲۰۲۶", "2026-11-24 00:00:00 day"),
        ("fa", "۳ آذر ۱۴۰۵", None),  # the Persian calendar is not read
        ("zh", "2026年11月24日", "2026-11-24 00:00:00 day"),
        ("zh", "2026年11月24日 下午2:15", "2026-11-24 14:15:00 minute"),
        ("zh", "2026年11月24日10时15分30秒", "2026-11-24 10:15:30 second"),
        ("ja", "2026年11月24日（火）午前12時5分", "2026-11-24 00:05:00 minute"),
        ("ko", "2026년 11월 24일 오후 2시 15분", "2026-11-24 14:15:00 minute"),
        ("tr", "Paz, 22 Kas 2026 10:15:00 +0300", "2026-11-22 07:15:00 second +0300"),
        ("tr", "24 ARALIK 2025 Paz", "2025-12-24 00:00:00 day"),
        ("es", "mar, 24 nov 2026", "2026-11-24 00:00:00 day"),
        ("fr", "mar. 24 mars 2026 à 14 h 30", "2026-03-24 14:30:00 minute"),
        ("fr", "1er février 2026 à 14h", "2026-02-01 14:00:00 minute"),
        ("de", "24. März 2026, 14.30 Uhr", "2026-03-24 14:30:00 minute"),
        ("pt", "Seg, 24 Set 2018 19:42:40 -0300", "2018-09-24 22:42:40 second -0300"),
        ("it", "24.11.2026 10.15.30", "2026-11-24 10:15:30 second"),
    ],
)
def test_what_people_write_is_read_in_their_language(language, raw, expected):
    assert told(raw, language) == expected


@pytest.mark.parametrize("language", sorted(WRITTEN))
@pytest.mark.parametrize("width", ["wide", "abbreviated"])
@pytest.mark.parametrize("context", ["format", "stand-alone"])
def test_every_month_of_the_unicode_locale_data_is_known_in_its_language(language, width, context):
    names = get_month_names(width, context, language)
    assert {number: month(name, language) for number, name in names.items()} == {number: number for number in names}


def test_a_month_that_means_another_one_elsewhere_needs_its_language():
    meanings = {}
    for table in WRITTEN.values():
        for number, forms in enumerate(table.split("|"), start=1):
            for form in forms.strip().split("/"):
                meanings.setdefault(months.folded(form), set()).add(number)
    several = {name for name, numbers in meanings.items() if len(numbers) > 1}
    assert several == {"listopada", "listopad", "lis", "lip", "srp"}
    assert [month(name) for name in several] == [None] * 5
    assert all(month(name) in numbers for name, numbers in meanings.items() if len(numbers) == 1)


@pytest.mark.parametrize("table", sorted(WRITTEN))
def test_every_table_of_months_has_twelve(table):
    assert WRITTEN[table].count("|") == 11


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("", None),
        ("en", None),
        ("en-US", "2026-03-04 00:00:00 day"),
        ("en-GB", "2026-04-03 00:00:00 day"),
        ("en_AU", "2026-04-03 00:00:00 day"),
        ("fr", "2026-04-03 00:00:00 day"),
        ("es-US", None),
    ],
)
def test_day_and_month_in_numbers_are_read_only_where_they_have_one_meaning(language, expected):
    assert told("03/04/2026", language) == expected


def test_numbers_that_can_only_be_a_day_are_read_without_a_language():
    assert told("13/04/2026") == told("04/13/2026") == "2026-04-13 00:00:00 day"
    assert told("03.04.2026") == "2026-04-03 00:00:00 day"
    assert told("04/13/2026", "fr") is None


@pytest.mark.parametrize(
    ("zone", "language", "hours", "mark"),
    [
        ("MSK", "", 3, ""),
        ("EET", "", 2, ""),
        ("WIB", "", 7, ""),
        ("WITA", "", 8, ""),
        ("WIT", "", 9, ""),
        ("IST", "", 5.5, "?"),
        ("IST", "he", 2, "?"),
        ("IST", "ga-IE", 1, "?"),
        ("CST", "zh-CN", 8, "?"),
        ("CST", "en", -6, "?"),
        ("AST", "ar", 3, "?"),
        ("XYZT", "", 0, "?"),
        ("+3000", "", 0, "?"),
        ("+0375", "", 0, "?"),
        ("ET", "en", -5, "?"),
        ("+1400", "", 14, ""),
    ],
)
def test_a_zone_that_has_to_be_guessed_is_marked(zone, language, hours, mark):
    moment = datetime(2026, 11, 20, 18, tzinfo=UTC) - timedelta(hours=hours)
    assert told(f"20 Nov 2026 18:00:00 {zone}", language) == f"{moment:%F %T} second {zone}{mark}"


@pytest.mark.parametrize("word", ["est", "Art", "pet", "et", "Uhr", "by", "Nov", "NOV", "a"])
def test_a_word_behind_the_clock_is_no_zone(word):
    assert told(f"2026-11-24 10:15 {word}") == "2026-11-24 10:15:00 minute"


def test_zone_names_say_what_the_time_zone_database_says():
    said = {}
    for name in available_timezones():
        zone = ZoneInfo(name)
        for moment in (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)):
            there = moment.astimezone(zone)
            said.setdefault(there.tzname(), set()).add(int(there.utcoffset().total_seconds() // 60))
    both = {name for name in said.keys() & NAMED.keys() if name not in RFC_822}
    assert len(both) > 25
    assert {name: said[name] for name in both} == {name: {NAMED[name]} for name in both}
    several = {name for name, distances in said.items() if len(distances) > 1 and name.isalpha()}
    assert several - RFC_822 <= AMBIGUOUS.keys()


def test_a_zone_has_one_meaning_or_several():
    assert not NAMED.keys() & AMBIGUOUS.keys()
    assert distance("+14:01") is None
    assert distance("soup") is None


def test_the_examples_of_both_tables_hold():
    assert doctest.testmod(months) == (0, 3)
    assert doctest.testmod(zones) == (0, 1)


def test_a_leap_second_is_the_second_before_and_24_00_the_next_midnight():
    assert told("2016-12-31T23:59:60Z") == "2016-12-31 23:59:59 second Z"
    assert told("2026-11-24T24:00:00Z") == "2026-11-25 00:00:00 second Z"
    assert told("2026-11-24T24:00:01Z") is None


@pytest.mark.parametrize(
    "raw",
    [
        "", "   ", "10:15", "yesterday", "3 hours ago", "November 2026", "24 November", "2026", "2026-11",
        "31 Feb 2026", "29 Feb 2025", "0000-00-00 00:00:00", "2026-13-01", "2026-11-24T25:00:00Z",
        "24 Nov 2026 10:75:00 GMT", "2026-11-24T10:15:61Z", "Published Mar 3 2026, updated Apr 4 2026",
        "2026-11-241", "24/11/26", "24 Nov 2026 " + "x" * LONGEST,
    ],
)  # fmt: skip
def test_what_tells_no_day_for_certain_gives_nothing(raw):
    assert read(raw) is None


def test_before_1990_is_no_date_of_an_article():
    assert told("Sun, 31 Dec 1989 23:59:59 GMT") is None
    assert told("1990-01-01T00:00:00+14:00") is None
    assert told("1989-12-31T23:00:00-05:00") == "1990-01-01 04:00:00 second -05:00"
    assert told("0000000000") is told("1970-01-01") is None


def test_what_is_over_36_hours_ahead_is_no_date_of_an_article():
    assert told("2026-11-28T00:00:00Z") == "2026-11-28 00:00:00 second Z"
    assert told("2026-11-28T00:00:01Z") is None
    assert told("2026-11-28T02:59:00+03:00") == "2026-11-27 23:59:00 second +03:00"
    assert told("24 Nov 2569") is None  # the Buddhist calendar


def test_the_stamp_keeps_where_the_date_stood_and_what_was_written():
    stamp = parse("  24 Nov 2026\n", source="ld:datePublished", now=NOW)
    assert (stamp.source, stamp.raw, stamp.value.tzinfo) == ("ld:datePublished", "24 Nov 2026", UTC)


FORMS = (
    "%Y-%m-%dT%H:%M:%S{iso}", "%Y%m%dT%H%M%S{zone}", "%a, %d %b %Y %H:%M:%S {zone}", "%d %B %Y %H:%M:%S {zone}",
    "%B %d, %Y %I:%M:%S %p {zone}", "%d.%m.%Y %H:%M:%S {zone}", "%a %b %d %H:%M:%S {zone} %Y",
    "%H:%M:%S {zone}, %d %b %Y", "%Y年%m月%d日 %H:%M:%S {zone}",
)  # fmt: skip


@given(
    st.datetimes(datetime(1990, 1, 2), datetime(2026, 11, 26)),
    st.integers(-12 * 4, 14 * 4),
    st.sampled_from(FORMS),
)
def test_what_was_written_in_a_known_form_is_read_back(moment, quarters, form):
    value = moment.replace(microsecond=0, tzinfo=UTC)
    local = value + timedelta(minutes=15 * quarters)
    hours, minutes = divmod(abs(quarters) * 15, 60)
    sign = "-" if quarters < 0 else "+"
    raw = local.strftime(form).format(zone=f"{sign}{hours:02}{minutes:02}", iso=f"{sign}{hours:02}:{minutes:02}")
    assert read(raw).value == value
    assert read(raw).precision == "second"


PIECES = st.sampled_from(
    ["2026", "11", "24", "3", "Nov", "مايو", "listopada", "10:15", "24:00", "+0300", "MSK", "GMT+3", "T", "Z", "/", "-",
     ".", ",", " ", "年", "月", "日", "下午", "h", "am", "م", "٢٤", "99999999999", "1764000000", "\u0301", "\ud800",
     "\x00"]
)  # fmt: skip


@given(
    st.one_of(st.text(max_size=140), st.lists(PIECES, max_size=12).map("".join)),
    st.sampled_from(["", "en", "en-US", "pl", "xx"]),
)
@settings(max_examples=1500)
@example("9999-12-31T24:00:00-14:00", "")
@example("0001-01-01T00:00:00+14:00", "")
def test_whatever_is_written_it_gives_nothing_or_a_moment_within_bounds(raw, language):
    stamp = read(raw, language)
    if stamp is not None:
        assert datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC) <= stamp.value <= NOW + FUTURE
        assert stamp.value.utcoffset() == timedelta()
        assert stamp.raw == raw.strip()[:LONGEST]
        assert stamp.zone in raw.replace("\u2212", "-") or stamp.zone == "UTC"


def real_dates():
    """(raw, language, feedparser's own reading) of the dates in the captured feeds, each once."""
    found = {}
    with gzip.open(FEEDS / "index.jsonl.gz", "rt", encoding="utf-8") as index:
        known = {json.loads(line)["file"] for line in index}
    with tarfile.open(FEEDS / "feeds.tar.gz") as files:
        for file in files:
            if file.name not in known or file.size > 400_000:
                continue
            body = io.BytesIO(files.extractfile(file).read())
            feed = feedparser.parse(body, sanitize_html=False, resolve_relative_uris=False)
            language = feed.feed.get("language") or ""
            for item in feed.entries:
                if item.get("published"):
                    found[item.published, language] = item.get("published_parsed")
    return [(raw, language, parsed) for (raw, language), parsed in found.items()]


@pytest.mark.skipif(not FEEDS.exists(), reason="the captured feeds are not beside this checkout")
def test_real_feeds_are_read_as_feedparser_reads_them_but_for_explained_differences():
    dates = real_dates()
    assert len(dates) > 1000
    differ, missed = set(), set()
    for raw, language, parsed in dates:
        stamp = read(raw, language)
        if stamp is None:
            missed.add(raw)
        elif parsed and stamp.value != datetime.fromtimestamp(calendar.timegm(parsed), UTC):
            differ.add(raw)
    assert differ == {"Fri, 11 Mar 2016 01:15:00 +3000"}  # no zone is 30 hours from UTC; ours is marked as guessed
    assert missed <= {"03 Apr 02 1500 GMT"}  # a clock without a colon; feedparser does not read it either
