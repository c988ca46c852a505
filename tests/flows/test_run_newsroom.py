"""Real pages of the shared newsroom through the whole route: every link is accounted for, whatever happens."""

import json
import random
import time
import urllib.request

import pytest
from route_kit import COMMAND, SHARED, environ, found, kill_tree, objects, rejected, shared_newsroom, tocsin

pytestmark = pytest.mark.skipif(
    not (SHARED / "newsroom" / "serve.py").exists(), reason="the shared newsroom is absent: nothing real to read"
)


def items(feeds):
    with urllib.request.urlopen(feeds.replace("feeds.opml", "items"), timeout=30) as answer:
        return [row["link"] for row in objects(answer.read().decode())]


def until_idle(feeds, home, timeout=600):
    return tocsin("run", "--feeds", feeds, "--home", str(home), "--allow-loopback", "--until-idle", timeout=timeout)


def accounted(home):
    """Every address that an article has, and every address that was rejected."""
    addresses = {address for row in found(home) for address in (row["url"], *row["aliases"])}
    return addresses | {row["url"] for row in rejected(home)} | aliases(home)


def aliases(home):
    """Addresses of pages that turned out to be another's article, as `tocsin why` would say."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        return {url for (url,) in ledger.execute("SELECT url FROM aliases WHERE kind != 'copy-at'")}


def waiting(home):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)) as ledger:
        (count,) = ledger.execute("SELECT count(*) FROM fetches WHERE state IN ('waiting', 'leased')").fetchone()
    return count


def test_every_link_of_the_newsroom_is_found_or_rejected_and_the_doctor_agrees(tmp_path):
    with shared_newsroom("--sets", "pages") as feeds:
        until_idle(feeds, tmp_path)
        links = items(feeds)
        assert len(links) > 100
        assert set(links) - accounted(tmp_path) == set()
        assert "✗" not in tocsin("doctor", home=tmp_path)


def test_the_same_where_one_answer_in_ten_fails(tmp_path):
    with shared_newsroom("--sets", "pages", "--faults", "0.1") as feeds:
        for _ in range(8):
            until_idle(feeds, tmp_path)
            make_due(tmp_path)
            if not waiting(tmp_path) and not set(items(feeds)) - accounted(tmp_path):
                break
        assert set(items(feeds)) - accounted(tmp_path) == set()
        assert "✗" not in tocsin("doctor", home=tmp_path)


def make_due(home):
    """Time passes: what was put off is due now. Nobody owns the folder at this moment."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "ledger.db")) as ledger:
        ledger.execute("UPDATE fetches SET due = 0 WHERE state = 'waiting' AND reason NOT LIKE 'check-%'")
        ledger.commit()


@pytest.mark.prove
def test_killed_at_twenty_random_moments_it_ends_as_if_never_killed(tmp_path):
    import subprocess

    chance = random.Random(20)
    with shared_newsroom() as feeds:
        whole, killed = tmp_path / "whole", tmp_path / "killed"
        until_idle(feeds, whole)
        for _ in range(20):
            process = subprocess.Popen(
                [COMMAND, "run", "--feeds", feeds, "--home", str(killed), "--allow-loopback", "--until-idle"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ(None), start_new_session=True,
            )  # fmt: skip
            time.sleep(chance.uniform(0.5, 8))
            kill_tree(process)
        until_idle(feeds, killed)
        assert state(killed) == state(whole)
        assert set(items(feeds)) - accounted(killed) == set()
        assert "✗" not in tocsin("doctor", home=killed)


def state(home):
    """What people can find, without what depends on the order of arrival."""
    return {row["id"]: (row["url"], row["title"], row["language"], row["revision"]) for row in found(home)}


@pytest.mark.prove
def test_the_whole_newsroom_is_read_within_ten_minutes(tmp_path):
    started = time.monotonic()
    with shared_newsroom() as feeds:
        until_idle(feeds, tmp_path)
        seconds = time.monotonic() - started
        links = items(feeds)
        assert set(links) - accounted(tmp_path) == set()
        assert "✗" not in tocsin("doctor", home=tmp_path)
    print(json.dumps({"items": len(links), "seconds": round(seconds)}))
    assert seconds < 600
