"""An alert as a fold over what happened: when it rings, what is taken back, in any order."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from alerts_kit import EASED, ENGINE, WORDS, easing, happens, history, kept, rows
from building import NOON, link, told, topic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.entry import Origin
from ingest.ledger import Ledger
from ingest.ledger.tables import alerts as tables
from search.alerts.acts import act
from search.alerts.decide import Match, decide
from search.alerts.engine import Engine
from search.alerts.fold import after, fold
from search.alerts.stage import WatchStage
from search.alerts.store import events_of
from search.alerts.telling import matched_topics, telling_of
from search.query.parse import parse
from search.watches import WatchStore

pytest_plugins = ("alerts_fixtures",)

# What rings


def test_the_first_live_match_rings_and_others_only_amend():
    alert, kinds = history(easing("a"), easing("b"), easing("c"))
    assert kinds == ["rang", "amended", "amended"]
    assert alert.state == "open"
    assert [telling.article for telling in alert.tellings] == ["a", "b", "c"]


@pytest.mark.parametrize("origin", [Origin.FIRST_POLL, Origin.BACKFILL, Origin.REPLAY])
def test_what_is_not_live_matches_silently_and_says_so(origin):
    alert, kinds = history(easing(origin=origin))
    assert kinds == ["matched"]
    assert alert.state == "silent"
    assert alert.rang is None
    assert "not ring" in alert.events[0].reason


def test_a_silent_alert_rings_with_its_first_live_article():
    alert, kinds = history(easing("a", origin=Origin.BACKFILL), easing("b"))
    assert kinds == ["matched", "rang"]
    assert "silent so far" in alert.events[-1].reason


def test_the_same_page_seen_silently_first_rings_once_it_is_live():
    _, kinds = history(easing("a", origin=Origin.FIRST_POLL), easing("a"), easing("a"))
    assert kinds == ["matched", "rang"]


def test_it_rings_again_when_an_event_is_told_as_done():
    alert, kinds = history(easing("a", "proposed"), easing("b", "promised"), easing("c", "done"), easing("d", "done"))
    assert kinds == ["rang", "amended", "escalated", "amended"]
    assert "now told as done" in alert.events[2].reason


def test_it_rings_again_when_a_tag_becomes_sure():
    _, kinds = history(easing("a", sure=False), easing("a", revision=2), easing("b"))
    assert kinds == ["rang", "escalated", "amended"]


def test_a_page_that_changes_its_mind_back_and_forth_rings_for_each_level_once():
    pages = [easing("a", "proposed"), easing("a", revision=2), easing("a", "proposed", revision=3)]
    _, kinds = history(*pages, easing("a", revision=4))
    assert kinds == ["rang", "escalated", "amended", "amended"]


def test_done_in_back_fill_does_not_use_up_the_ring_for_done():
    _, kinds = history(easing("a", "proposed"), easing("old", origin=Origin.BACKFILL), easing("b"))
    assert kinds == ["rang", "amended", "escalated"]


def test_a_higher_severity_rings_even_when_a_quiet_article_came_between():
    alert, _ = history(easing("a"))
    graver = replace(EASED, severity="high", version=2)
    alert, quiet = happens(alert, easing("b", copy_of="a"), graver)
    assert quiet == ["amended"]
    alert, again = happens(alert, easing("c"), graver)
    assert again == ["escalated"]
    assert alert.severity == "high"
    assert happens(alert, easing("d"), graver)[1] == ["amended"]


def test_a_copy_of_a_wire_text_never_rings_again():
    _, kinds = history(easing("a", "proposed"), easing("b", "done", copy_of="a"), easing("c", "done", copy_of="a"))
    assert kinds == ["rang", "amended", "amended"]


def test_a_live_copy_of_a_silent_text_rings():
    _, kinds = history(easing("a", origin=Origin.BACKFILL), easing("b", copy_of="a"))
    assert kinds == ["matched", "rang"]


def test_an_edited_copy_speaks_for_itself():
    _, kinds = history(
        easing("a", "proposed"), easing("b", "proposed", copy_of="a"), easing("b", copy_of="a", revision=2)
    )
    assert kinds == ["rang", "amended", "escalated"]


def test_copies_keep_no_passages_of_their_own():
    alert, _ = history(easing("a"), easing("b", copy_of="a"))
    assert [len(telling.passages) for telling in alert.tellings] == [1, 0]


def test_what_an_alert_keeps_again_and_again_is_only_what_its_watch_asks_for():
    watch = replace(EASED, query="topic:prisoners.released topic:sanctions.eased")
    topics = [topic("talks.held"), topic("prisoners.released"), topic("sanctions.eased", "proposed")]
    tied = link(1, 2)
    first, copy = (
        told(name, text=WORDS, topics=topics, links=[tied], story="s", copy_of=of)
        for name, of in (("a", ""), ("b", "a"))
    )
    alert, _ = history(first, copy, watch=watch)
    whole, pointed = (([one.topic for one in telling.said], telling.exchanges) for telling in alert.tellings)
    assert whole == (["talks.held", "prisoners.released", "sanctions.eased"], ((1, 2),))
    assert pointed == (["prisoners.released", "sanctions.eased"], ((0, 1),))
    assert [event.telling.exchanges for event in alert.events] == [((0, 1),), ((0, 1),)]
    assert [len(event.telling.said) for event in alert.events] == [2, 2]


# What is taken back


def test_words_edited_away_are_told_to_those_who_heard_them():
    alert, kinds = history(easing("a"), easing("a", "", revision=2))
    assert kinds == ["rang", "withdrawn"]
    assert alert.state == "withdrawn"
    assert alert.tellings[0].passages[0].text == WORDS
    assert "words that rang it are gone" in alert.events[-1].reason


def test_another_telling_holds_an_alert_up():
    alert, kinds = history(easing("a"), easing("b"), easing("a", "", revision=2))
    assert kinds == ["rang", "amended", "amended"]
    assert alert.state == "open"
    assert [telling.withdrawn for telling in alert.tellings] == [True, False]


def test_a_page_that_is_gone_withdraws_what_it_rang():
    alert, kinds = history(easing("a"), easing("a", revision=2, withdrawn=True))
    assert kinds == ["rang", "withdrawn"]
    assert "page is gone" in alert.events[-1].reason


def test_a_withdrawn_alert_rings_again_when_it_is_told_again():
    alert, kinds = history(easing("a"), easing("a", "", revision=2), easing("b"))
    assert kinds == ["rang", "withdrawn", "escalated"]
    assert alert.state == "open"


def test_a_gone_page_that_was_never_seen_matches_silently():
    alert, kinds = history(easing("a", withdrawn=True))
    assert (kinds, alert.state) == (["matched"], "silent")


def test_an_older_revision_that_comes_late_changes_nothing():
    _, kinds = history(easing("a", revision=3), easing("a", revision=2), easing("a", revision=1))
    assert kinds == ["rang"]


# The fold


def test_an_alert_is_computed_again_from_the_events_in_the_ledger(ledger, newsroom):
    stage, _, _ = newsroom
    stage.handle([easing("a", "proposed"), easing("b"), easing("a", "", revision=2)])
    act(ledger, kept(ledger).id, "acknowledged", by="Ana", clock=lambda: NOON)
    act(ledger, kept(ledger).id, "right", by="Ana", clock=lambda: NOON)
    with ledger.read() as connection:
        events = events_of(connection, kept(ledger).id)
    assert fold(events) == kept(ledger)
    assert fold([*events, *events]) == kept(ledger)


def test_a_fold_without_events_is_refused():
    with pytest.raises(ValueError, match="at least one event"):
        fold([])


def test_the_topics_that_matched_are_those_the_watch_asks_for():
    text = "Belarus released three prisoners. In return, Washington offered to ease sanctions. A strike began."
    article = told(
        text=text,
        topics=[
            topic("prisoners.released", words="released three prisoners", text=text, actor="Q184"),
            topic("sanctions.eased", "proposed", words="ease sanctions", text=text, actor="Q30"),
            topic("protest.strike", words="strike", text=text, salience="part"),
        ],
        links=[link(0, 1, words="In return", text=text)],
    )

    def matched(query):
        return sorted(matched_topics(article, ENGINE.explain(query, article)))

    assert matched("topic:prisoners") == [0]
    assert matched("topic:sanctions.eased.said.sure AND topic:protest") == [1, 2]
    assert matched("topic:sanctions.eased.fact OR topic:protest*") == [2]
    assert matched("link:in-exchange") == [0, 1]
    assert matched("actor:Q30") == [1]
    assert matched("strike AND NOT topic:election") == []


# Any order, any repetition

ORIGINS = st.sampled_from([Origin.LIVE, Origin.LIVE, Origin.BACKFILL, Origin.REPLAY])


@st.composite
def tellings(draw):
    """Articles of one story, each in one revision, some copies of earlier ones, in any order and repeated."""
    names = [f"article{number}" for number in range(draw(st.integers(1, 5)))]
    made = []
    for number, name in enumerate(names):
        copy_of = draw(st.sampled_from(["", *names[:number]]))
        modality = draw(st.sampled_from(["done", "proposed", "promised", ""]))
        made.append(easing(name, modality, sure=draw(st.booleans()), origin=draw(ORIGINS), copy_of=copy_of))
    return draw(st.lists(st.sampled_from(made), min_size=1, max_size=14))


def model(sequence):
    """What the promise says, in a few lines: the rings in order, one for each level of what live articles tell."""
    rings, seen, levels, texts = [], set(), set(), set()
    for article in sequence:
        said = article.enriched.topics
        live = article.enriched.article.origin == Origin.LIVE
        name = article.enriched.article.id
        if not said or not live or name in seen:
            continue
        seen.add(name)
        new = {level for level in [said[0].modality, "sure" * said[0].sure] if level in ("done", "sure")} - levels
        text = article.copy_of or name
        family = {text} | ({article.copy_of} if article.copy_of else set())
        if not rings:
            rings.append(("rang", name))
        elif new and not (family & texts):
            rings.append(("escalated", name))
        levels |= {said[0].modality} | ({"sure"} if said[0].sure else set())
        texts |= {name} | family
    return rings


@given(tellings())
@settings(max_examples=150, deadline=None)
def test_any_order_and_repetition_rings_as_the_model_says(sequence):
    alert, events = None, []
    for article in [*sequence, *sequence]:
        why = ENGINE.explain(EASED.query, article)
        match = Match(
            watch=EASED,
            story="s",
            telling=telling_of(article, why if why.true else None),
            why=why if why.true else None,
        )
        for event in decide(alert, match, NOON):
            alert = after(alert, event)
            events.append(event)
    assert [(event.kind, event.telling.article) for event in events if event.rings] == model(sequence)
    assert max(Counter(event.id for event in events).values(), default=1) == 1
    assert sum(event.kind == "rang" for event in events) == bool(model(sequence))


@given(tellings(), st.integers(1, 5))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_replaying_a_whole_stream_writes_nothing_twice(tmp_path_factory, sequence, size):
    ledger = Ledger.open(tmp_path_factory.mktemp("replay") / "ledger.db")
    store = WatchStore(ledger, parse, clock=lambda: NOON)
    store.put(EASED, by="Ana")
    batches = [sequence[at : at + size] for at in range(0, len(sequence), size)]
    for batch in batches:
        WatchStage(ledger, store, Engine(), clock=lambda: NOON).handle(batch)
    before = [rows(ledger, table) for table in (tables.alert_events, tables.alerts, tables.deliveries)]
    for batch in batches:
        WatchStage(ledger, store, Engine(), clock=lambda: NOON + timedelta(hours=1)).handle(batch)
    assert [rows(ledger, table) for table in (tables.alert_events, tables.alerts, tables.deliveries)] == before
    ledger.close()
