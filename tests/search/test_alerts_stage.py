"""[told] and what people do -> alert events in the ledger, once each, with their deliveries."""

from dataclasses import replace
from datetime import timedelta

import pytest
from alerts_kit import EASED, WORDS, easing, kept, rows
from building import NOON, mention, told, topic
from sqlalchemy import func, select

from ingest.entry import Origin
from ingest.ledger.tables import alerts as tables
from ingest.ledger.tables.people import people
from search.alerts.acts import act, remember_person
from search.deliver import outbox

pytest_plugins = ("alerts_fixtures",)

# The stage


def test_a_ring_stands_in_the_ledger_with_its_deliveries(ledger, newsroom):
    stage, _, checks = newsroom
    counts = stage.handle([easing("a"), told("other", text="The match ended in a draw.", story="t")])
    assert (counts.articles, counts.events, counts.deliveries) == (2, {"rang": 1}, 2)
    alert = kept(ledger)
    assert alert.gloss == "Sanctions eased"
    assert alert.tellings[0].passages[0].text == WORDS
    assert alert.why.true
    assert {(row.channel, row.state) for row in rows(ledger, tables.deliveries)} == {
        ("page", "sent"),
        ("hook", "waiting"),
    }
    assert checks == ["a"]


def test_a_batch_that_fails_leaves_nothing(ledger, newsroom):
    stage, _, _ = newsroom

    def undone():
        with ledger.begin():
            stage.handle([easing("a")])
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        undone()
    assert rows(ledger, tables.alert_events) == []
    assert stage.handle([easing("a")]).events == {"rang": 1}


def test_silent_articles_deliver_nothing_and_their_pages_are_not_watched(ledger, newsroom):
    stage, _, checks = newsroom
    stage.handle([easing("a", origin=Origin.REPLAY)])
    assert rows(ledger, tables.deliveries) == []
    assert checks == []


def test_a_withdrawal_goes_to_the_channels_that_rang(ledger, newsroom):
    stage, store, _ = newsroom
    stage.handle([easing("a")])
    store.put(replace(EASED, channels=("mail",)), by="Ana")
    stage.handle([easing("a", "", revision=2)])
    withdrawn = kept(ledger).events[-1]
    assert withdrawn.kind == "withdrawn"
    with ledger.read() as connection:
        events, deliveries = tables.alert_events.c, tables.deliveries.c
        number = connection.execute(select(events.number).where(events.id == withdrawn.id)).scalar_one()
        channels = connection.execute(select(deliveries.channel).where(deliveries.event == number)).scalars().all()
    assert sorted(channels) == ["hook", "page"]


def test_a_watch_that_changed_does_not_make_words_look_gone(ledger, newsroom):
    stage, store, _ = newsroom
    stage.handle([easing("a")])
    store.put(replace(EASED, query="topic:election"), by="Ana")
    stage.handle([easing("a", text=WORDS + " More.", revision=2)])
    assert [event.kind for event in kept(ledger).events] == ["rang", "amended"]
    store.switch("eased", enabled=False, by="Ana")
    stage.handle([easing("a", "", text="Nothing.", revision=3)])
    assert kept(ledger).state == "withdrawn"


def test_a_watch_switched_on_while_the_stage_runs_is_in_force_at_once(ledger, newsroom):
    stage, store, _ = newsroom
    store.switch("eased", enabled=False, by="Ana")
    assert stage.handle([easing("a")]).events == {}
    store.switch("eased", enabled=True, by="Ana")
    assert stage.handle([easing("b")]).events == {"rang": 1}


def test_the_alert_of_a_merged_story_goes_on_in_the_kept_one_without_ringing(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a", story="gone")])
    act(ledger, kept(ledger, "gone").id, "acknowledged", by="Ana", clock=lambda: NOON)
    counts = stage.handle([easing("b", story="kept", merged=("gone",))])
    assert "rang" not in counts.events
    assert "escalated" not in counts.events
    assert kept(ledger, "gone").state == "merged"
    assert kept(ledger, "gone").events[-1].other == kept(ledger, "kept").id
    alert = kept(ledger, "kept")
    assert (alert.state, alert.rang) == ("acknowledged", NOON)
    assert [telling.article for telling in alert.tellings] == ["a", "b"]


def test_a_withdrawal_after_a_merge_goes_to_those_who_heard_the_gone_alert(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a", story="gone")])
    stage.handle([told("b", text="Other words.", story="kept", merged=("gone",))])
    stage.handle([easing("a", "", revision=2, story="kept")])
    assert kept(ledger, "kept").state == "withdrawn"
    ours = [row for row in rows(ledger, tables.deliveries) if row.alert == kept(ledger, "kept").id]
    assert sorted(row.channel for row in ours) == ["hook", "page"]


def test_merging_two_alerts_that_rang_keeps_both_tellings(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a", story="kept"), easing("b", story="gone")])
    stage.handle([easing("c", story="kept", merged=("gone",))])
    stage.handle([easing("c", story="kept", merged=("gone",))])
    assert {telling.article for telling in kept(ledger, "kept").tellings} == {"a", "b", "c"}
    assert sum(row.kind in ("rang", "escalated") for row in rows(ledger, tables.alert_events)) == 2


def test_many_articles_of_one_story_are_written_in_one_transaction(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing(f"a{number}") for number in range(32)])
    assert len(kept(ledger).tellings) == 32
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.alerts)).scalar() == 1


# What people do


def test_what_people_do_stands_with_their_names(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a")])
    alert = kept(ledger).id
    times = iter(NOON + timedelta(seconds=second) for second in range(20))
    states = [
        act(ledger, alert, kind, by="Ana", to=to, clock=lambda: next(times)).state
        for kind, to in [("assigned", "Ben"), ("closed", ""), ("reopened", ""), ("acknowledged", ""), ("wrong", "")]
    ]
    assert states == ["acknowledged", "closed", "open", "acknowledged", "acknowledged"]
    assert (kept(ledger).assigned, kept(ledger).verdict) == ("Ben", "wrong")
    audit = [(row.who, row.what) for row in rows(ledger, tables.audit) if row.subject == alert]
    assert audit[0] == ("Ana", "alert assigned")
    assert len(audit) == 5


def test_what_is_so_already_is_not_written_again(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a")])
    for second in range(3):
        act(ledger, kept(ledger).id, "closed", by="Ana", clock=lambda second=second: NOON + timedelta(seconds=second))
    assert [event.kind for event in kept(ledger).events] == ["rang", "closed"]


@pytest.mark.parametrize(
    ("kind", "by", "said"),
    [("eaten", "Ana", "no act"), ("closed", " \n", "who you are"), ("closed", "Ana", "no alert")],
)
def test_acts_that_cannot_be_are_refused(ledger, kind, by, said):
    with pytest.raises(ValueError, match=said):
        act(ledger, "nothing", kind, by=by)


def test_a_merged_alert_points_to_the_one_to_act_on(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a", story="gone")])
    stage.handle([easing("b", story="kept", merged=("gone",))])
    with pytest.raises(ValueError, match=kept(ledger, "kept").id):
        act(ledger, kept(ledger, "gone").id, "closed", by="Ana")


def test_an_escalation_opens_a_closed_alert_again(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a", "proposed")])
    act(ledger, kept(ledger).id, "closed", by="Ana")
    stage.handle([easing("b", "promised")])
    assert kept(ledger).state == "closed"
    stage.handle([easing("c")])
    assert kept(ledger).state == "open"


def test_a_person_is_remembered_once_and_on_one_line(ledger):
    assert remember_person(ledger, " Ana\nPetrova ") == "Ana Petrova"
    remember_person(ledger, "Ana Petrova")
    assert [row.name for row in rows(ledger, people)] == ["Ana Petrova"]
    with pytest.raises(ValueError, match="letter"):
        remember_person(ledger, "\x00\n")


def test_rings_are_held_while_deliveries_are(ledger, newsroom):
    stage, _, _ = newsroom
    outbox.hold(ledger, by="Ana")
    stage.handle([easing("a")])
    assert {(row.channel, row.state) for row in rows(ledger, tables.deliveries)} == {("page", "sent"), ("hook", "held")}


def test_names_of_the_parties_come_from_the_mentions(ledger, newsroom):
    stage, _, _ = newsroom
    text = "Washington eased its sanctions."
    eased = topic("sanctions.eased", words="eased its sanctions", text=text, actor="Q30")
    stage.handle(
        [told("a", text=text, topics=[eased], entities=[mention("Washington", id="Q30", text=text)], story="s")]
    )
    assert kept(ledger).gloss == "Washington: sanctions eased"
