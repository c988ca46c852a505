"""Maintenance: what is wrong is told once for each occurrence, and once more when it is over."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from flows.home import Home
from flows.maintaining import MaintainAsked, Seen, maintain_once, maintained, sentences
from flows.opening import owning
from flows.troubles import Look, OperateSettings, Trouble, tell_troubles
from ingest import wire
from ingest.clock import now, to_ms
from ingest.feeds.lists import ListedFeed
from ingest.feeds.subscribe import subscribe
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from ingest.ledger.tables.feeds import feeds
from search.deliver.notices import Notice
from search.deliver.settings import ChannelSettings

AT = now()
TOLD = OperateSettings(channels=("pager",))
PAGER = ChannelSettings(name="pager", kind="apprise", url="json://127.0.0.1:9/nobody")


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


def look(*troubles, areas=("feed", "check", "flow"), minutes=0):
    return Look(troubles=troubles, areas=areas, at=AT + timedelta(minutes=minutes))


def silent(mark="monday"):
    return Trouble(key="feed a", mark=mark, said="the feed Alpha has shown nothing new")


def failing(mark="why", *, passed=False):
    return Trouble(key="flow drain", mark=mark, said="the flow drain failed", passed=passed)


def tell(ledger, given, settings=TOLD):
    return tell_troubles(ledger, given, settings, "http://desk.example")


def notices(ledger):
    with ledger.read() as connection:
        bodies = connection.execute(select(tables.notices.c.body).order_by(tables.notices.c.at)).scalars()
        return [wire.decode(body, Notice) for body in bodies]


def test_one_occurrence_is_told_once_and_again_when_it_is_another(ledger):
    assert tell(ledger, look(silent())).new == (silent(),)
    assert tell(ledger, look(silent(), minutes=15)).standing == (silent(),)
    assert tell(ledger, look(silent("friday"), minutes=30)).new == (silent("friday"),)
    assert len(notices(ledger)) == 2


def test_the_end_of_a_trouble_is_told_once(ledger):
    tell(ledger, look(silent()))
    assert tell(ledger, look(minutes=15)).over == ("over: the feed Alpha has shown nothing new",)
    assert tell(ledger, look(minutes=30)).over == ()
    assert [notice.subject for notice in notices(ledger)] == [
        "Tocsin: the feed Alpha has shown nothing new",
        "Tocsin: over: the feed Alpha has shown nothing new",
    ]


def test_an_area_where_nobody_looked_is_neither_told_nor_over(ledger):
    tell(ledger, look(failing()))
    assert tell(ledger, look(areas=("feed", "check"), minutes=15)).over == ()
    assert tell(ledger, look(failing(), minutes=30)).standing == (failing(),)


def test_a_failure_that_passed_before_anybody_looked_is_told_once_all_the_same(ledger):
    passed = failing("run 1", passed=True)
    assert tell(ledger, look(passed)).new == (passed,)
    told = tell(ledger, look(passed, minutes=15))
    assert (told.new, told.standing, told.over) == ((), (), ())
    assert tell(ledger, look(minutes=30)).over == ()  # it left the window that is looked at
    assert len(notices(ledger)) == 1


def test_a_failure_that_was_told_and_passed_is_over_and_not_told_as_new(ledger):
    tell(ledger, look(failing()))
    told = tell(ledger, look(failing("run 1", passed=True), minutes=15))
    assert (told.new, told.over) == ((), ("over: the flow drain failed",))
    assert tell(ledger, look(failing(), minutes=30)).new == (failing(),)


def test_without_a_channel_nothing_is_remembered_so_that_all_is_told_once_there_is_one(ledger):
    assert tell(ledger, look(silent()), OperateSettings()).new == (silent(),)
    assert tell(ledger, look(silent(), minutes=15)).new == (silent(),)
    assert len(notices(ledger)) == 1


def test_many_troubles_go_out_in_one_notice_that_counts_what_it_does_not_show(ledger):
    many = [Trouble(key=f"feed {n}", mark="", said=f"feed number {n} is silent") for n in range(50)]
    tell(ledger, look(*many))
    (notice,) = notices(ledger)
    assert notice.subject == "Tocsin: 50 new"
    assert "30 more: `tocsin maintain` and `tocsin doctor` show all" in notice.text
    assert len(notice.data["new"]) == 50


def newsroom(home, silent_days=40):
    """A folder with a feed that was alive once."""
    with owning(home) as parts:
        subscribe(parts.ledger, [ListedFeed(url="https://a.example/feed", title="Alpha")], list_name="", now=now())
        long_ago = to_ms(now() - timedelta(days=silent_days))
        with parts.ledger.begin() as transaction:
            transaction.execute(update(feeds).values(first_poll=long_ago, last_new=long_ago, last_poll=to_ms(now())))


def round_of(home, **operate):
    with owning(home) as parts:
        settings = replace(parts.settings, operate=OperateSettings(**operate), channels=(PAGER,))
        return maintained(replace(parts, settings=settings), MaintainAsked())


def test_a_silent_feed_is_told_through_the_operators_channels(tmp_path):
    home = Home(tmp_path / "home")
    newsroom(home)
    first, again = round_of(home, channels=("pager",)), round_of(home, channels=("pager",))
    assert "the feed Alpha has shown nothing new since" in first.told.new[0].said
    assert first.channels == {"pager": "waiting"}
    assert again.told.standing[0].key == first.told.new[0].key
    assert again.channels == {}


def test_silent_feeds_need_not_be_told(tmp_path):
    home = Home(tmp_path / "home")
    newsroom(home)
    done = round_of(home, channels=("pager",), silent_feeds=False)
    assert [trouble for trouble in done.told.new if trouble.area == "feed"] == []
    assert [feed.title for feed in done.feeds] == ["Alpha"]  # it is shown all the same


def test_a_round_sweeps_checks_and_says_what_it_did(tmp_path):
    home = Home(tmp_path / "home")
    newsroom(home)
    done = maintain_once(home, MaintainAsked(seen=Seen(areas=("flow",), troubles=(failing(),))))
    said = list(sentences(done))
    assert said[0] == "removed: nothing was old"
    assert set(done.swept) >= {"records", "polls", "archive_bytes", "indexed"}
    assert "new: the flow drain failed" in said
    assert {check.name for check in done.checks} >= {"ledger", "index", "entries", "feeds", "disk"}
    assert done.channels == {}  # no channel is set: it only stands here


def test_a_channel_that_fails_is_shown_and_tried_again_by_the_deliver_stage(tmp_path):
    home = Home(tmp_path / "home")
    newsroom(home)
    text = '[operate]\nchannels = ["pager"]\n[[channels]]\nname = "pager"\nkind = "apprise"\nurl = "json://127.0.0.1:9/x"\n'
    home.settings.write_text(text)
    done = maintain_once(home, MaintainAsked())
    assert done.channels["pager"].startswith("failed: 127.0.0.1:9 is not open")
