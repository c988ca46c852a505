import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fetch import FetchSettings, Politeness
from ingest.ledger import Ledger

NEWS, OTHER = "news.example", "other.example:8080"


class Time:
    """A clock that tests move."""

    def __init__(self):
        self.value = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self):
        return self.value

    def pass_seconds(self, seconds):
        self.value += timedelta(seconds=seconds)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def ledger(tmp_path, time):
    opened = Ledger.open(tmp_path / "ledger.sqlite", clock=time)
    yield opened
    opened.close()


@pytest.fixture
def politeness(ledger, time):
    return Politeness(ledger, FetchSettings(), time, "a")


def test_a_host_is_taken_once(politeness):
    assert politeness.take(NEWS) == 0.0
    assert politeness.take(NEWS) == 5.0
    assert politeness.take(OTHER) == 0.0


def test_the_next_start_waits_for_the_pause_and_for_the_end_of_the_last(politeness, time):
    politeness.take(NEWS)
    time.pass_seconds(2)
    politeness.free(NEWS)
    assert politeness.take(NEWS) == 3.0
    time.pass_seconds(3)
    assert politeness.take(NEWS) == 0.0
    time.pass_seconds(6)
    assert 0 < politeness.take(NEWS) <= 1
    politeness.free(NEWS)
    assert politeness.take(NEWS) == 0.0


def test_a_request_that_nobody_frees_counts_as_lost_after_the_lease(politeness, time):
    politeness.take(NEWS)
    time.pass_seconds(119)
    assert politeness.take(NEWS) > 0
    time.pass_seconds(2)
    assert politeness.take(NEWS) == 0.0


def test_freeing_what_was_not_taken_changes_nothing(politeness):
    politeness.free(NEWS)
    assert politeness.take(NEWS) == 0.0


def test_another_process_waits_for_the_lease(politeness, ledger, time):
    politeness.take(NEWS)
    politeness.free(NEWS)
    other = Politeness(ledger, FetchSettings(), time, "b")
    assert other.take(NEWS) == 5.0
    time.pass_seconds(119)
    assert other.take(NEWS) == 1.0
    time.pass_seconds(2)
    assert other.take(NEWS) == 0.0
    assert politeness.take(NEWS) > 0


def test_a_host_that_is_not_used_is_given_back_after_the_pause_and_another_process_has_it(politeness, ledger, time):
    other = Politeness(ledger, FetchSettings(), time, "b")
    politeness.take(NEWS)
    assert politeness.idle() == {}
    politeness.free(NEWS)
    assert politeness.idle() == {}
    time.pass_seconds(5)
    politeness.give_back(politeness.idle())
    assert other.take(NEWS) == 0.0
    assert politeness.take(NEWS) == 5.0


def test_a_host_that_is_taken_again_while_it_is_given_back_stays_with_its_process(politeness, ledger, time):
    politeness.take(NEWS)
    politeness.free(NEWS)
    time.pass_seconds(6)
    leases = politeness.idle()
    assert politeness.take(NEWS) == 0.0
    politeness.give_back(leases)
    assert Politeness(ledger, FetchSettings(), time, "b").take(NEWS) == 5.0


def test_a_lease_is_renewed_before_it_could_end_under_a_request(politeness, ledger, time):
    politeness.take(NEWS)
    politeness.free(NEWS)
    time.pass_seconds(100)
    assert politeness.take(NEWS) == 0.0
    other = Politeness(ledger, FetchSettings(), time, "b")
    time.pass_seconds(117)
    assert other.take(NEWS) == 3.0
    time.pass_seconds(3)
    assert other.take(NEWS) == 0.0


def test_a_process_that_ends_well_leaves_nothing_but_the_pause(politeness, ledger, time):
    politeness.take(NEWS)
    time.pass_seconds(1)
    politeness.free(NEWS)
    politeness.close()
    assert Politeness(ledger, FetchSettings(), time, "b").take(NEWS) == 4.0


def test_after_a_kill_the_pause_is_held(tmp_path):
    path = tmp_path / "ledger.sqlite"
    script = (
        "import os, signal, sys; from pathlib import Path; from ingest.ledger import Ledger;"
        "from ingest.fetch import FetchSettings, Politeness;"
        "p = Politeness(Ledger.open(Path(sys.argv[1])), FetchSettings(), owner='a');"
        "assert p.take('news.example') == 0; os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == -9
    ledger = Ledger.open(path)
    again = Politeness(ledger, FetchSettings(), owner="a")
    again.release_all()
    assert 0 < again.take(NEWS) <= 5
    assert again.take(OTHER) == 0.0
    ledger.close()


def test_release_all_frees_only_what_its_owner_held(ledger, time):
    for owner, host in (("a", NEWS), ("b", OTHER)):
        Politeness(ledger, FetchSettings(), time, owner).take(host)
    again = Politeness(ledger, FetchSettings(), time, "a")
    again.release_all()
    time.pass_seconds(5)
    assert again.take(NEWS) == 0.0
    assert again.take(OTHER) == 5.0
    time.pass_seconds(115)
    assert again.take(OTHER) == 0.0


def test_a_host_that_asked_for_time_gets_it_after_a_restart_too(politeness, ledger, time):
    politeness.hold(NEWS, 600)
    assert politeness.take(NEWS) == 600.0
    again = Politeness(ledger, FetchSettings(), time, "a")
    again.release_all()
    time.pass_seconds(60)
    assert again.take(NEWS) == 540.0
    again.hold(NEWS, 10)
    assert again.take(NEWS) == 540.0


def test_a_hold_is_not_shortened_by_closing(politeness, ledger, time):
    politeness.take(NEWS)
    politeness.hold(NEWS, 600)
    politeness.close()
    assert Politeness(ledger, FetchSettings(), time, "b").take(NEWS) == 600.0


def test_pages_of_one_host_cost_the_ledger_one_transaction_a_minute(politeness, time, monkeypatch):
    begun = []
    begin = Ledger.begin
    monkeypatch.setattr(Ledger, "begin", lambda self, *part: begun.append(1) or begin(self, *part))
    for _ in range(120):  # ten minutes
        assert politeness.take(NEWS) == 0.0
        politeness.free(NEWS)
        time.pass_seconds(5)
    assert len(begun) <= 11


def test_loopback_needs_no_pause_where_it_is_allowed(ledger, time):
    own = Politeness(ledger, FetchSettings(allow_loopback=True), time)
    assert [own.take("127.0.0.1:8000") for _ in range(5)] == [0, 0, 0, 0, 0.02]
    own.free("127.0.0.1:8000")
    assert own.take("127.0.0.1:8000") == 0
    assert [own.take(NEWS), own.take(NEWS)] == [0, 5]
    strict = Politeness(ledger, FetchSettings(), time)
    assert [strict.take("127.0.0.1:8000"), strict.take("127.0.0.1:8000")] == [0, 5]


def test_a_lease_shorter_than_what_it_must_outlive_is_refused():
    with pytest.raises(ValueError, match="lease_seconds"):
        FetchSettings(pause_seconds=100)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["take", "free", "die", "end", "hold"]), st.sampled_from("ab"), st.integers(0, 90)),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_starts_never_come_too_close_whatever_happens(tmp_path_factory, actions):
    time = Time()
    ledger = Ledger.open(tmp_path_factory.mktemp("polite") / "ledger.sqlite", clock=time)
    processes = {owner: Politeness(ledger, FetchSettings(), time, owner) for owner in "ab"}
    last, taker, held = None, "", time()
    for action, owner, seconds in actions:
        time.pass_seconds(seconds)
        if action == "take" and processes[owner].take(NEWS) == 0.0:
            assert last is None or (time() - last).total_seconds() >= 5
            assert time() >= held
            last, taker = time(), owner
        elif action == "free":
            processes[owner].free(NEWS)
        elif action == "hold" and taker == owner and (time() - last).total_seconds() < 40:  # it was answered
            processes[owner].hold(NEWS, 30)
            held = time() + timedelta(seconds=30)
        elif action in ("die", "end"):
            if action == "end":
                processes[owner].close()
            processes[owner] = Politeness(ledger, FetchSettings(), time, owner)
            processes[owner].release_all()
    ledger.close()
