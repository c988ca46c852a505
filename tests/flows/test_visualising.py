"""`tocsin kibana` as an operator types it."""

import json
import shutil
from pathlib import Path

import pytest
from kibana_server import kibana_server
from route_kit import finished, tocsin

from ingest.ledger import Ledger
from search.query.parse import parse
from search.watch import Watch
from search.watches import WatchStore

FOLDER = Path(__file__).parents[2] / "deploy" / "kibana"
COUNT = len(list(FOLDER.glob("*/*.json")))


@pytest.fixture
def server():
    with kibana_server() as (kibana, url):
        yield kibana, {"TOCSIN__KIBANA__URL": url, "TOCSIN__KIBANA__API_KEY": kibana.key}


def titles(kibana, space):
    views = (one for key, one in kibana.objects.items() if key[:2] == (space, "index-pattern"))
    return sorted(one["attributes"]["title"] for one in views)


def test_apply_fills_the_space_of_the_settings_with_views_on_the_index_of_the_settings(server, tmp_path):
    kibana, environment = server
    (tmp_path / "tocsin.toml").write_text('[index]\nname = "press"\n[kibana]\nspace = "desk"\n', encoding="utf-8")
    done = finished("kibana", "apply", home=tmp_path, **environment)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"{COUNT} of {COUNT} objects stand in Kibana 9.2.4 at 127.0.0.1:" in done.stderr
    assert kibana.key not in done.stderr
    assert titles(kibana, "desk") == [f"press-{kind}" for kind in ("alerts", "articles", "events", "polls", "rejected")]

    other = finished("kibana", "apply", "--name", "other", home=tmp_path, **environment)
    assert other.returncode == 0
    assert titles(kibana, "desk")[0] == "other-alerts"


def test_what_is_not_taken_is_told_and_the_exit_code_is_1(server, tmp_path):
    folder = tmp_path / "objects"
    shutil.copytree(FOLDER / "search", folder / "search")
    done = finished("kibana", "apply", "--objects", str(folder), home=tmp_path, **server[1])
    assert done.returncode == 1
    assert "search tocsin-rejected refers to index-pattern tocsin-rejected, which is not there" in done.stderr
    assert "0 of 5 objects stand in Kibana" in done.stderr


def test_apply_can_print_the_file_for_an_import_by_hand_and_needs_no_kibana(tmp_path):
    lines = tocsin("kibana", "apply", "--print", "--name", "press", home=tmp_path).splitlines()
    assert len(lines) == COUNT
    assert json.loads(lines[0])["attributes"]["title"] == "press-alerts"


def test_a_change_in_kibana_is_shown_and_comes_into_the_files(server, tmp_path):
    kibana, environment = server
    folder = tmp_path / "objects"
    shutil.copytree(FOLDER, folder)
    options = {"home": tmp_path, **environment}
    tocsin("kibana", "apply", "--name", "press", **options)
    export = ("kibana", "export", "--objects", str(folder), "--name", "press")
    assert tocsin(*export, "--check", **options) == ""

    kibana.objects["default", "search", "tocsin-rejected"]["attributes"]["title"] = "Set aside"
    done = finished(*export, "--check", **options)
    assert done.returncode == 1
    assert '-    "title": "Rejected"\n+    "title": "Set aside"\n' in done.stdout
    assert (folder / "search" / "tocsin-rejected.json").read_text() == (
        FOLDER / "search" / "tocsin-rejected.json"
    ).read_text()

    assert "Set aside" in tocsin(*export, **options)
    assert json.loads((folder / "search" / "tocsin-rejected.json").read_text())["attributes"]["title"] == "Set aside"
    assert tocsin(*export, "--check", **options) == ""


def test_errors_are_one_line_that_says_what_to_do(tmp_path):
    done = finished("kibana", "apply", home=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no Kibana is set: write its address as url in [kibana]" in done.stderr
    done = finished("kibana", "apply", home=tmp_path, TOCSIN__KIBANA__URL="http://127.0.0.1:1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Kibana at 127.0.0.1:1 is away" in done.stderr
    done = finished("kibana", "apply", "--objects", str(tmp_path / "none"), home=tmp_path)
    assert "name the folder deploy/kibana of Tocsin's source with --objects" in done.stderr
    done = finished("kibana", "apply", home=tmp_path, TOCSIN__KIBANA__URL="http://me:secret@kibana")
    assert done.returncode == 2
    assert "secret" not in done.stderr


def test_query_prints_a_watch_as_kibana_reads_it_or_says_why_it_cannot(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    watches = WatchStore(ledger, parse)
    watches.put(Watch(id="eased", name="Eased", query="topic:sanctions.eased -copy:*", severity="low"), by="test")
    watches.put(Watch(id="near", name="Near", query='"a b c d e"~3', severity="low"), by="test")
    ledger.close()
    assert tocsin("kibana", "query", "eased", home=tmp_path) == ('(topic:"sanctions.eased" AND (*:* NOT has:"copy"))\n')
    done = finished("kibana", "query", "near", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be said in Kibana: at most 4 words" in done.stderr
    done = finished("kibana", "query", "none", home=tmp_path)
    assert done.returncode == 1
    assert "there is no watch 'none'; see `tocsin watch list`" in done.stderr
