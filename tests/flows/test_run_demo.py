"""What `make run` does, faster: the bundled newsroom through the whole route, and what a desk hears of it."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest
from route_kit import COMMAND, alerts, environ, found, kill_tree, rejected, running, said_until, tocsin

from flows.demo.stock import stock
from search.watches import slug

FAST = ("demo", "--speed", "12", "--port", "0")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder after a whole demo."""
    folder = tmp_path_factory.mktemp("demo") / "home"
    tocsin(*FAST, "--until-done", home=folder, timeout=200)
    return folder


@pytest.fixture(scope="module")
def rung(home):
    return alerts(home)


def path(url):
    return "/" + url.split("/", 3)[3]


def by_path():
    return {article.path: article for article in stock()}


def test_every_article_of_the_newsroom_is_found(home):
    assert {path(row["url"]) for row in found(home)} == set(by_path())
    assert rejected(home) == []


def test_release_for_relief_rings_once_for_the_six_tellings_and_names_its_sources(rung):
    (alert,) = [alert for alert in rung if alert["watch"] == "release-for-relief"]
    expected = {article for article in stock() if "release-for-relief" in article.rings}
    told = {by_path()[path(telling["url"])] for telling in alert["tellings"]}
    assert {article.outlet.language for article in told} >= {"en", "id", "ru", "pl", "de", "fr"}
    assert expected <= told
    assert {telling["source"] for telling in alert["tellings"]} >= {article.outlet.name for article in expected}
    assert sum(event["kind"] in ("rang", "escalated") for event in alert["events"]) == 1


def test_the_words_that_rang_it_are_shown_in_each_language(rung):
    (alert,) = [alert for alert in rung if alert["watch"] == "release-for-relief"]
    shown = {}
    for telling in alert["tellings"]:
        for passage in telling["passages"]:
            words = [passage["text"][mark["start"] : mark["end"]] for mark in passage["marks"]]
            shown.setdefault(telling["language"], []).extend(words)
    assert set(shown) >= {"en", "id", "ru", "pl", "de", "fr"}
    assert all(any(word.strip() for word in words) for words in shown.values())


def test_no_hard_negative_rings(rung):
    told = {path(telling["url"]) for alert in rung for telling in alert["tellings"] if not telling["withdrawn"]}
    negatives = {article.path for article in stock() if article.negative and not article.rings}
    assert told & negatives == set()


def test_each_watch_rings_for_what_the_newsroom_says_it_must(rung):
    wanted = {(ring, article.path) for article in stock() for ring in article.rings}
    heard = {(alert["watch"], path(telling["url"])) for alert in rung for telling in alert["tellings"]}
    assert wanted <= heard
    original = {article.path: article.rings for article in stock() if not article.copy_of}
    strangers = {(watch, where) for watch, where in heard - wanted if where in original}
    assert strangers == set()


def test_wire_copies_are_counted_as_copies(home):
    rows = {path(row["url"]): row for row in found(home)}
    ids = {row["id"]: where for where, row in rows.items()}
    for article in stock():
        if article.copy_of:
            assert rows[article.path]["copy_of"], article.path
            assert ids[rows[article.path]["copy_of"]] in by_path()


def test_the_edited_article_stands_in_its_newest_revision(home):
    edited = {article.path for article in stock() if article.edited_at}
    rows = {path(row["url"]): row for row in found(home)}
    assert {where for where in edited if rows[where]["revision"] >= 2} == edited


def test_the_doctor_finds_nothing_wrong(home):
    said = tocsin("doctor", home=home)
    assert "✗" not in said
    assert "63 seen = 63 published" in said or f"{len(stock())} seen" in said


def test_stopped_or_killed_it_goes_on_where_it_was(tmp_path):
    import subprocess

    folder = tmp_path / "home"
    with running(*FAST, home=folder) as (process, _):
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        assert process.wait(25) == 0
    killed = subprocess.Popen(
        [COMMAND, *FAST], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ(folder),
        start_new_session=True,
    )  # fmt: skip
    said_until(killed, "the desk page:")
    time.sleep(2)
    kill_tree(killed)
    killed.stdout.close()
    tocsin(*FAST, "--until-done", home=folder, timeout=200)
    assert {path(row["url"]) for row in found(folder)} == set(by_path())
    assert sum(alert["watch"] == "release-for-relief" for alert in alerts(folder)) == 1
    assert_no_delivery_stands_twice(folder)
    assert "✗" not in tocsin("doctor", home=folder)


def assert_no_delivery_stands_twice(folder):
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        pairs = ledger.execute("SELECT event, channel, count(*) FROM deliveries GROUP BY event, channel").fetchall()
    assert all(count == 1 for _, _, count in pairs)


def test_watch_ids_of_the_stock_are_those_of_the_file():
    assert slug("Release for relief") == "release-for-relief"
