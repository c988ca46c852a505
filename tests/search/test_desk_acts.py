"""The desk page as a client of HTTP sees it: acts, watches, commands, the stream."""

import json
import re
import threading
from contextlib import contextmanager

import httpx
import pytest
from desk_kit import TOKEN, easing, served, swap, until
from desk_visits_kit import SCRIPT, as_page, only_alert

from ingest.verdict import Reject, Retry
from search.alert import Mark, Passage
from search.alerts.acts import act
from search.desk import alerts
from search.desk.marks import excerpt, marked
from search.watch import Watch

pytest_plugins = ("desk_visits_fixtures",)

# What people do


def test_an_act_needs_a_name_and_says_so(room, visitor):
    room.feed(swap("id", "id"))
    answer = visitor.post(f"/alerts/{only_alert(room).id}/acknowledged")
    assert answer.status_code == 403
    assert "Say your name first" in answer.text


def test_the_name_is_asked_once_and_stands_beside_what_people_do(room, visitor):
    room.feed(swap("id", "id"))
    alert = only_alert(room).id
    assert "asked once" in visitor.get(f"/alerts/{alert}").text
    assert "Acknowledge" in visitor.post(f"/me?alert={alert}", data={"name": " Зоя\n Klein "}).text
    assert "asked once" not in visitor.get(f"/alerts/{alert}").text
    assert "acknowledged" in visitor.post(f"/alerts/{alert}/acknowledged").text
    event = only_alert(room).events[-1]
    assert (event.kind, event.by) == ("acknowledged", "Зоя Klein")


def test_a_name_of_nothing_is_refused(visitor):
    answer = visitor.post("/me", data={"name": " \n"})
    assert (answer.status_code, "at least one letter" in answer.text) == (422, True)


def test_alerts_are_assigned_judged_closed_and_opened_again(room, ana):
    room.feed(swap("id", "id"))
    alert = only_alert(room).id
    for kind in ("assigned", "right", "closed"):
        assert (
            ana.post(f"/alerts/{alert}/{kind}", data={"to": "Ben"} if kind == "assigned" else None).status_code == 200
        )
    kept = alerts.one(room.ledger, alert)
    assert (kept.state, kept.assigned, kept.verdict) == ("closed", "Ben", "right")
    assert "Open again" in ana.get(f"/alerts/{alert}/detail").text
    assert ana.post(f"/alerts/{alert}/reopened").status_code == 200
    assert alerts.one(room.ledger, alert).state == "open"


def test_acts_that_cannot_be_are_clear_answers(room, ana):
    room.feed(swap("gone", "id", story="gone"), swap("kept", "ru", story="kept", merged=("gone",)))
    merged = next(row for row in (alerts.one(room.ledger, name) for name in ids(room)) if row.state == "merged")
    assert "was merged" in refused(ana.post(f"/alerts/{merged.id}/closed"), 409)
    assert "No act" in refused(ana.post(f"/alerts/{merged.id}/eaten"), 409)
    assert "There is no alert nothing here" in refused(ana.post("/alerts/nothing/closed"), 404)
    assert "goes on in" in ana.get(f"/alerts/{merged.id}/detail").text


def ids(room):
    return {happened.alert for happened in alerts.events_after(room.ledger, 0)}


def refused(answer, status):
    assert answer.status_code == status, answer.text
    return answer.text


def test_a_rejected_record_is_retried_and_one_that_is_not_there_is_a_clear_answer(room, visitor):
    room.add_feeds("https://a.example/rss")
    name = room.reject()
    assert SCRIPT not in visitor.get(f"/rejected/{name}").text
    assert visitor.post(f"/rejected/{name}/retry").text == "put back on the route"
    assert "no rejected record" in refused(visitor.post("/rejected/nothing/retry"), 422)
    lost = room.reject("two", feed="gone")
    assert "nothing to retry" in refused(visitor.post(f"/rejected/{lost}/retry"), 422)


def test_a_test_ring_says_what_came_of_it_as_text(room, ana):
    answer = ana.post("/channels/hook/test")
    assert answer.headers["content-type"].startswith("text/plain")
    assert room.asked == [("ring", "hook", "Ana Petrova")]
    assert ana.post("/channels/nothing/test").status_code == 404


def test_deliveries_are_held_with_a_name_and_every_page_says_so(room, ana):
    assert ana.post("/channels/hold").headers["hx-redirect"] == "/channels"
    assert "deliveries held by <bdi>Ana Petrova</bdi>" in ana.get("/").text
    ana.post("/channels/release")
    assert "deliveries held" not in ana.get("/").text


def test_the_page_adds_addresses_of_feeds_and_no_files(room, ana):
    assert ana.post("/feeds", data={"address": "https://a.example/rss"}).text == "1 feed added"
    assert ana.post("/feeds", data={"address": "/etc/passwd"}).status_code == 422
    assert room.asked == [("feeds", "https://a.example/rss")]


# Watches


def form(**more):
    return {"name": "Strikes, any", "query": "topic:protest.strike", "severity": "low", "new": "true", **more}


def test_a_watch_is_made_changed_and_switched_off(room, ana):
    assert ana.post("/watches", data=form(enabled="on")).headers["hx-redirect"] == "/watches/strikes-any"
    made = room.watches.get("strikes-any")
    assert (made.by, made.enabled, made.severity) == ("Ana Petrova", True, "low")
    ana.post("/watches", data=form(id="strikes-any", new="", channels="hook", note="n"))
    assert (room.watches.get("strikes-any").version, room.watches.get("strikes-any").channels) == (2, ("hook",))
    assert room.watches.get("strikes-any").enabled is False
    ana.post("/watches/strikes-any/on")
    assert room.watches.get("strikes-any").enabled is True
    assert ana.get("/watches/strikes-any").text.count("topic:protest.strike</code></td>") == 3


def test_a_new_watch_does_not_replace_another(room, ana):
    assert "already" in refused(ana.post("/watches", data=form(name="Borders")), 422)
    assert room.watches.get("borders").query == "topic:border"


@pytest.mark.parametrize(
    ("wrong", "said"), [({"query": "*two"}, "query"), ({"severity": "grave"}, "severity"), ({"name": " "}, "name")]
)
def test_a_watch_that_cannot_be_used_is_a_clear_answer(ana, wrong, said):
    assert said in refused(ana.post("/watches", data=form(**wrong)), 422)


def test_a_preview_counts_marks_and_compares(room, visitor):
    room.feed_the_day()
    changed = form(id="sanctions-eased", query="topic:sanctions.eased")
    page = visitor.post("/watches/preview", data=changed).text
    assert "<b>9 articles</b>" in page
    assert "8 more, 0 fewer" in page
    assert '<mark class="m1">ease its sanctions</mark>' in page
    assert "only at the end of a word" in visitor.post("/watches/preview", data=form(query="*two")).text


def test_examples_are_tried_and_a_wrong_one_says_what_was_understood(visitor):
    tried = form(
        query="topic:sanctions.eased.fact",
        must_ring="The Treasury lifted its sanctions.\nIt rains.",
        must_not_ring="The Treasury will not lift its sanctions.",
    )
    page = visitor.post("/watches/preview?tried=true", data=tried).text
    assert "2 of 3 pass" in page
    assert "must ring, but does not" in page
    assert "no event" in page


def test_an_example_that_cannot_be_read_now_is_a_clear_answer(room):
    def away(_text):
        raise Retry("the reader is away: try again")

    with served(room.desk(enrich=away)) as url, httpx.Client(base_url=url) as client:
        client.headers.update(as_page(url, client.get("/").text))
        answer = client.post("/watches/preview?tried=true", data=form(must_ring="It rains."))
    assert (answer.status_code, answer.text) == (503, "the reader is away: try again")


def test_why_not_answers_for_an_address_and_a_watch(visitor):
    page = visitor.get("/why-not?url=https://news.example/x&watch=borders").text
    assert "No feed that is read has shown this address." in page


def test_a_page_that_is_not_there_says_what_to_do(visitor):
    del visitor.headers["HX-Request"]
    for path in ("/articles/x", "/stories/x", "/alerts/x", "/watches/x", "/rejected/x", "/nothing", "/?show=eaten"):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert "This cannot be shown" in answer.text


# What commands ask


def test_commands_make_and_switch_watches(room, command):
    body = {"name": "Potash", "query": "kali* OR potash", "channels": ["hook"], "by": "Ben"}
    assert command.post("/api/watches", json=body).json() == {"id": "potash", "version": 1}
    assert room.watches.get("potash") == Watch(
        id="potash", name="Potash", query="kali* OR potash", channels=("hook",), by="Ben"
    )
    assert command.post("/api/watches/potash/off").json() == {"id": "potash", "enabled": False}
    assert command.post("/api/watches/nothing/off").json()["error"].startswith("there is no watch")
    assert command.post("/api/watches/potash/maybe").status_code == 422
    assert "query" in command.post("/api/watches", json={**body, "query": "*x"}).json()["error"]


def test_commands_hold_release_test_add_and_retry(room, command):
    assert command.post("/api/deliveries/hold").json() == {"held": True}
    assert command.post("/api/deliveries/release?drop=true").json() == {"held": False, "released": 0}
    assert command.post("/api/channels/hook/test", json={"by": "Ben"}).json()["said"].startswith("accepted")
    assert "no channel" in command.post("/api/channels/x/test", json={}).json()["error"]
    assert command.post("/api/feeds", json={"source": "/a/list.opml"}).json() == {"said": "1 feed added"}
    assert room.asked == [("ring", "hook", "Ben"), ("feeds", "/a/list.opml")]
    room.add_feeds("https://a.example/rss")
    name = room.reject()
    assert command.post(f"/api/rejected/{name}/retry").json() == {"retried": name}
    assert "no rejected record" in command.post("/api/rejected/x/retry").json()["error"]


def test_a_feed_that_cannot_be_added_is_a_clear_answer(room):
    def refuse(source):
        raise Reject(f"{source} is no list of feeds")

    with served(room.desk(add_feeds=refuse)) as url:
        answer = httpx.post(url + "/api/feeds", json={"source": "x"}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()) == (422, {"error": "x is no list of feeds"})


# What monitors ask


def test_healthz_says_that_the_page_answers(visitor):
    assert visitor.get("/healthz").json() == {"status": "ok"}


def test_the_heartbeat_fails_while_something_is_wrong(room, visitor):
    assert visitor.get("/heartbeat").status_code == 200
    room.wrong = "nothing was fetched for an hour"
    answer = visitor.get("/heartbeat")
    assert (answer.status_code, answer.json()["reason"]) == (503, "nothing was fetched for an hour")


# The stream


@contextmanager
def listening(url, after=0, resumed=None):
    """The alert events that come in, as (number, kind, rings)."""
    found, stop = [], threading.Event()

    def listen():
        headers = {"Last-Event-ID": str(resumed)} if resumed is not None else {}
        with (
            httpx.Client(timeout=10) as client,
            client.stream("GET", f"{url}/live?after={after}", headers=headers) as stream,
        ):
            event = {}
            for line in stream.iter_lines():
                name, _, value = line.partition(":")
                event[name] = value.strip()
                if not line and event.get("event") == "alert":
                    said = json.loads(event["data"])
                    found.append((int(event["id"]), said["kind"], said["rings"]))
                event = event if line else {}
                if stop.is_set():
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()


def test_a_stream_resumes_after_the_last_event_and_misses_and_repeats_nothing(room, url):
    room.feed(easing("a", story="one"))
    with listening(url) as first:
        until(lambda: len(first) == 1)
        room.feed(swap("id", "id"))
        until(lambda: len(first) == 2)
    room.feed(swap("pl", "pl", modality="done"), easing("b", story="two"))
    act(room.ledger, next(iter(ids(room))), "acknowledged", by="Ana")
    with listening(url, after=0, resumed=first[-1][0]) as second:
        until(lambda: len(second) == 3)
        room.feed(easing("c", story="three"))
        until(lambda: len(second) == 4)
    numbers = [number for number, _, _ in first + second]
    assert numbers == list(range(1, 7))
    assert [rings for _, _, rings in first + second] == [True, True, True, True, False, True]


def test_a_stream_over_a_restart_of_the_server_misses_nothing(room):
    with served(room.desk()) as url, listening(url) as first:
        room.feed(easing("a", story="one"))
        until(lambda: len(first) == 1)
    room.feed(easing("b", story="two"))
    with served(room.desk()) as url, listening(url, resumed=first[-1][0]) as second:
        until(lambda: len(second) == 1)
    assert [number for number, _, _ in first + second] == [1, 2]


def test_a_page_streams_from_before_its_list_was_read(room, visitor):
    room.feed(easing("a", story="one"))
    assert 'data-event="1"' in visitor.get("/").text


# Parts


def test_marks_that_overlap_or_run_over_the_end_leave_the_text_whole():
    shown = str(marked("abc<def", [(0, 2, 1), (1, 3, 2), (5, 99, 3), (9, 12, 1)]))
    assert re.sub(r"</?mark[^>]*>", "", shown) == "abc&lt;def"
    assert shown == '<mark class="m1">ab</mark><mark class="m2">c</mark>&lt;d<mark class="m3">ef</mark>'


@pytest.mark.parametrize("at", [0, 40, 200, 385])
def test_an_excerpt_keeps_the_words_that_rang_and_little_more(at):
    text = "word " * 80
    passage = Passage(field="text", start=0, text=text, marks=(Mark(start=at, end=at + 14, part=1),))
    shown = str(excerpt(passage))
    assert f'<mark class="m1">{text[at : at + 14]}</mark>' in shown
    assert 50 < len(re.sub(r"<[^>]+>", "", shown)) <= 106


def test_an_excerpt_leaves_out_what_stands_between_words_far_apart():
    text = f"free {'between ' * 60}relief at last"
    marks = (Mark(start=0, end=4, part=1), Mark(start=485, end=491, part=2))
    shown = str(excerpt(Passage(field="text", start=0, text=text, marks=marks)))
    assert shown.startswith('<mark class="m1">free</mark> between')
    assert shown.endswith('… between between <mark class="m2">relief</mark> at last')


def test_an_excerpt_of_a_text_without_spaces_is_cut_too():
    passage = Passage(field="text", start=0, text="字" * 500, marks=(Mark(start=250, end=254, part=2),))
    assert str(excerpt(passage, 20)).count("字") == 20
