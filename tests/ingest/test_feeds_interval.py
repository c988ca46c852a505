"""How long to wait for the next poll."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.interval import bounds, learned, max_age, wait, wait_after_failures
from ingest.feeds.settings import FeedSettings

SETTINGS = FeedSettings()
PUBLIC = bounds(SETTINGS, is_own=False)
OWN = bounds(SETTINGS, is_own=True)

seconds = st.floats(0, 10_000_000)
chance = st.floats(0, 1)
either = st.sampled_from([PUBLIC, OWN])


@given(seconds, st.integers(0, 3_000), st.booleans(), either)
def test_what_is_learned_stays_between_the_bounds(interval, new, missed, limits):
    assert limits.shortest <= learned(interval, new, missed=missed, bounds=limits) <= limits.longest


@given(seconds, seconds, chance, either)
def test_a_wait_stays_between_the_floor_and_a_day(interval, floor, number, limits):
    found = wait(interval, floor, lambda: number, limits)
    assert min(max(floor, limits.shortest), limits.longest) <= found <= limits.longest


@given(st.floats(340, 78_000), chance)
def test_a_wait_is_at_most_a_tenth_off(interval, number):
    assert 0.9 * interval - 1e-6 <= wait(interval, 0, lambda: number, PUBLIC) <= 1.1 * interval + 1e-6


@given(st.floats(300, 86_400), st.integers(0, 50), st.integers(0, 50))
def test_more_new_entries_never_lengthen_the_interval(interval, few, more):
    few, more = sorted((few, more))
    one = learned(interval, few, missed=False, bounds=PUBLIC)
    assert learned(interval, more, missed=False, bounds=PUBLIC) <= one
    assert learned(interval, few, missed=True, bounds=PUBLIC) <= one


@given(st.floats(300, 86_400), st.integers(1, 10_000), chance)
def test_after_failures_a_feed_is_polled_more_rarely_and_never_given_up(interval, failures, number):
    now = wait_after_failures(interval, failures, lambda: 0.5, PUBLIC)
    later = wait_after_failures(interval, failures + 1, lambda: 0.5, PUBLIC)
    assert PUBLIC.shortest <= now <= later <= 86_400
    assert 300 <= wait_after_failures(interval, failures, lambda: number, PUBLIC) <= 86_400


def test_feeds_at_a_bound_part_too():
    assert len({wait(300, 0, lambda number=number: number / 10, PUBLIC) for number in range(11)}) > 4


def test_a_busy_feed_is_polled_often_and_a_quiet_one_rarely():
    busy = quiet = 900.0
    for _ in range(30):
        busy = learned(busy, 5, missed=False, bounds=PUBLIC)
        quiet = learned(quiet, 0, missed=False, bounds=PUBLIC)
    assert (busy, quiet) == (300, 86_400)


def test_one_new_entry_an_hour_is_seen_within_the_hour():
    interval, clock, last, waits = 900.0, 0.0, 0.0, []
    for _ in range(300):
        clock += interval
        new = int(clock // 3600 - last // 3600)
        last = clock
        interval = learned(interval, new, missed=False, bounds=PUBLIC)
        waits.append(interval)
    assert 600 < sum(waits[50:]) / len(waits[50:]) < 5_400


def test_a_server_of_this_machine_is_polled_after_seconds():
    assert OWN.first == 2
    assert wait(0, 0, lambda: 0.5, OWN) == 2


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("max-age=600", 600),
        ("public, Max-Age=60", 60),
        ('max-age="7"', 7),
        ("s-maxage=9", 0),
        ("no-store, max-age=9", 0),
        ("max-age=-1", 0),
        ("", 0),
    ],
)
def test_how_long_an_answer_is_fresh(header, told):
    assert max_age(header) == told


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="shortest_interval_seconds"):
        FeedSettings(shortest_interval_seconds=100, longest_interval_seconds=10)
    with pytest.raises(ValueError, match="parallel is 0"):
        FeedSettings(parallel=0)
