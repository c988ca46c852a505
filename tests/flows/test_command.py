"""The command as people meet it: help that teaches, errors of one line that say what to do, and exit codes."""

import json

import pytest
from route_kit import finished, objects, running, tocsin

COMMANDS = [
    "run", "demo", "work", "collect", "find", "alerts", "stories", "why", "enrich", "watch", "feeds", "rejected",
    "channels", "doctor", "config", "stream", "people", "audit", "ledger", "index",
    "kibana", "digest", "backfill", "replay", "maintain",
]  # fmt: skip

WATCH = """
[[watch]]
name = "Potash"
query = "potash OR pota*"
severity = "low"
"""


def one_line(text):
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("compiling the names")]
    assert len(lines) == 1, text
    return lines[0]


def test_help_names_every_command_and_where_to_start():
    said = tocsin("--help")
    assert all(f" {name} " in said for name in COMMANDS)
    assert "tocsin demo" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name):
    assert len(tocsin(name, "--help").splitlines()) > 6


def test_an_unknown_setting_is_an_error_that_names_the_nearest(tmp_path):
    (tmp_path / "tocsin.toml").write_text("[fetch]\ncontakt = 'x'\n")
    done = finished("config", home=tmp_path)
    assert done.returncode == 2
    assert "unknown setting fetch.contakt; did you mean contact?" in one_line(done.stderr)


def test_settings_are_shown_with_secrets_hidden(tmp_path):
    (tmp_path / "tocsin.toml").write_text(
        '[[channels]]\nname = "hook"\nkind = "webhook"\nurl = "https://hooks.example/x"\n'
        'secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"\n'
    )
    said = tocsin("config", home=tmp_path, TOCSIN__DESK__PORT="9000")
    assert "MfKQ" not in said
    assert 'secret = "***"' in said
    assert "port = 9000" in said


def test_a_folder_without_a_ledger_is_said_in_one_line(tmp_path):
    for arguments in (("find", "*"), ("alerts",), ("rejected", "list"), ("doctor",)):
        done = finished(*arguments, home=tmp_path / "none")
        assert done.returncode == 1
        assert "tocsin demo" in one_line(done.stderr)


def test_a_query_that_is_refused_says_what_to_write(tmp_path):
    done = finished("find", "*nks", home=tmp_path)
    assert done.returncode == 2
    assert "tocsin: " in one_line(done.stderr)


def test_a_malformed_watch_says_what_and_where(tmp_path):
    file = tmp_path / "watches.toml"
    file.write_text(WATCH + '\n[[watch]]\nname = "Broken"\nquery = "(potash"\n')
    done = finished("watch", "check", str(file), home=tmp_path)
    assert done.returncode == 2
    said = one_line(done.stderr)
    assert "watches.toml, line 7" in said
    assert "'Broken'" in said


def test_watches_are_added_listed_and_switched(tmp_path):
    file = tmp_path / "watches.toml"
    file.write_text(WATCH)
    home = tmp_path / "home"
    tocsin("watch", "add", str(file), home=home)
    (row,) = objects(tocsin("watch", "list", "--json", home=home))
    assert (row["id"], row["enabled"], row["schema"]) == ("potash", True, "tocsin.watch/1")
    tocsin("watch", "off", "potash", home=home)
    assert objects(tocsin("watch", "list", "--json", home=home))[0]["enabled"] is False
    done = finished("watch", "on", "potatoes", home=home)
    assert done.returncode in (1, 2)
    assert "there is no watch 'potatoes'" in one_line(done.stderr)


def test_a_folder_in_use_is_asked_over_its_desk_and_not_shared(tmp_path):
    file = tmp_path / "watches.toml"
    file.write_text(WATCH)
    home = tmp_path / "home"
    with running("run", "--port", "0", home=home):
        tocsin("watch", "add", str(file), home=home)
        assert [row["id"] for row in objects(tocsin("watch", "list", "--json", home=home))] == ["potash"]
        tocsin("channels", "hold", home=home)
        done = finished("run", "--until-idle", home=home)
        assert done.returncode == 1
        assert f"the folder {home} is in use by process" in one_line(done.stderr)


def test_lines_of_text_are_enriched_in_order_and_grouped():
    lines = [
        {"id": "a", "text": "Three prisoners were released in Minsk on Monday.", "title": "Prisoners go free"},
        {"id": "b", "text": "Drei Gefangene sind am Montag in Minsk freigelassen worden."},
    ]
    given = "".join(json.dumps(line) + "\n" for line in lines)
    rows = objects(tocsin("enrich", "--jsonl", "-", given=given))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert [row["language"]["code"] for row in rows] == ["en", "de"]
    for row in rows:
        (told,) = [topic for topic in row["topics"] if topic["topic"] == "prisoners.released"]
        assert told["modality"] == "done"
        start, end = told["sentence"]
        assert start <= told["start"] < told["end"] <= end
    grouped = objects(tocsin("stories", "--jsonl", "-", given=given))
    assert [row["id"] for row in grouped] == ["a", "b"]


def test_a_line_that_is_no_object_is_named():
    done = finished("enrich", "--jsonl", "-", given='{"id": "a"}\n')
    assert done.returncode == 1
    assert "object 1" in one_line(done.stderr)


def test_one_page_is_shown_with_the_words_that_say_it(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "<html><head><title>Banks freed</title></head><body><article><h1>Banks freed</h1>"
        "<p>The Treasury lifted its sanctions on two banks in Belarus on Friday, officials said in Washington.</p>"
        "<p>Both banks had been under sanctions since the spring of last year, and had sued without success.</p>"
        "</article></body></html>"
    )
    said = tocsin("enrich", str(page))
    assert "sanctions.eased · done" in said
    (row,) = objects(tocsin("enrich", str(page), "--json"))
    assert row["schema"] == "tocsin.enriched/1"
    assert any(entity["id"] == "Q184" for entity in row["entities"])


def test_a_stage_that_is_none_is_refused(tmp_path):
    done = finished("work", "extrct", home=tmp_path)
    assert done.returncode == 1
    assert "there are collect, extract" in one_line(done.stderr)
