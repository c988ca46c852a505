"""kill -9 of the whole process tree, again and again, while alerts ring: nothing lost, no delivery with a second id."""

import random
import subprocess
import time
from datetime import UTC, datetime

import pytest
from hook_kit import SETTINGS, delivery_ids, receiver, rings, watched
from route_kit import COMMAND, alerts, environ, found, kill_tree, tocsin

from flows.demo.newsroom import Newsroom
from flows.demo.stock import stock


@pytest.mark.prove
def test_killed_twenty_times_while_it_rings_nothing_is_lost_and_no_delivery_has_two_ids(tmp_path):
    chance = random.Random(7)
    home = tmp_path / "home"
    home.mkdir()
    newsroom = Newsroom(opened=datetime.now(UTC), speed=1.2)
    newsroom.start()
    with receiver() as (port, received):
        (home / "tocsin.toml").write_text(SETTINGS.format(port=port))
        command = [
            COMMAND, "run", "--feeds", newsroom.feeds_url, "--watches", str(watched(tmp_path)), "--home", str(home),
            "--allow-loopback", "--port", "0",
        ]  # fmt: skip
        for _ in range(20):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ(None), start_new_session=True
            )
            time.sleep(chance.uniform(1, 8))
            kill_tree(process)
        time.sleep(max(0.0, newsroom.seconds_left))
        for _ in range(3):  # what the receiver refused goes again
            tocsin(*command[1:-2], "--until-idle", timeout=200)
    newsroom.stop()
    assert {row["url"].split("/", 3)[3] for row in found(home)} == {article.path[1:] for article in stock()}
    rung = alerts(home)
    assert sum(alert["watch"] == "release-for-relief" for alert in rung) == 1
    ids = delivery_ids(received)
    assert rings(rung) <= set(ids), "a ring was never sent"
    assert all(len(names) == 1 for names in ids.values())
    assert "✗" not in tocsin("doctor", home=home)
