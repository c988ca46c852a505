import subprocess
import sys
from pathlib import Path

import pytest

from flows.home import Home, Ownership, find_home, read_owner
from ingest.verdict import Abort


def test_the_folder_is_the_given_one_else_that_of_the_environment(tmp_path):
    assert find_home(tmp_path / "a", {"TOCSIN_HOME": "/b"}).path == tmp_path / "a"
    assert find_home(None, {"TOCSIN_HOME": str(tmp_path / "b")}).path == tmp_path / "b"
    assert find_home(None, {}).path.name == "tocsin"


def test_a_folder_has_one_owner_at_a_time(tmp_path):
    home = Home(tmp_path / "home")
    first = Ownership.take(home)
    with pytest.raises(Abort, match=r"in use by process \d+; end that one, or give another folder with --home"):
        Ownership.take(home)
    first.release()
    Ownership.take(home).release()


def test_a_killed_owner_leaves_the_folder_free(tmp_path):
    home = Home(tmp_path / "home")
    script = (
        "import sys, time; from pathlib import Path; from flows.home import Home, Ownership;"
        "o = Ownership.take(Home(Path(sys.argv[1]))); print('mine', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(home.path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "mine\n"
        with pytest.raises(Abort, match=f"process {child.pid}"):
            Ownership.take(home)
        child.kill()
    Ownership.take(home).release()


def test_other_commands_learn_from_the_owner_where_to_ask(tmp_path):
    home = Home(tmp_path / "home")
    ownership = Ownership.take(home)
    ownership.announce(desk="http://127.0.0.1:8740")
    owner = read_owner(home)
    assert (owner.desk, owner.token) == ("http://127.0.0.1:8740", ownership.token)
    assert home.owner.stat().st_mode & 0o077 == 0
    ownership.release()
    assert read_owner(home) is None


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Abort, match="give a writable one with --home"):
        Ownership.take(Home(Path(tmp_path / "file" / "home")))
