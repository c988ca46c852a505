import json
import logging
import re

import pytest

from flows.home import Home
from flows.logs import log_to

PASSWORD = 'hunter2"\\äö'


@pytest.fixture(autouse=True)
def quiet_again():
    root = logging.getLogger("tocsin")
    before = root.level, list(root.handlers)
    yield
    for handler in root.handlers:
        handler.close()
    root.level, root.handlers[:] = before


def said(home, capsys, settings, *, fail=False, **extra):
    """What two events leave on standard error and in the folder's file."""
    (home / "tocsin.toml").write_text(settings, encoding="utf-8")
    log_to(Home(home), verbose=False, stage="enrich", owner="host:1")
    log = logging.getLogger("tocsin.flows.worker")
    try:
        raise ValueError(f"cannot reach postgresql://tocsin:{PASSWORD}@db.example/tocsin") if fail else KeyError
    except ValueError:
        log.exception("torn", extra=extra)
    except KeyError:
        log.info("watched", extra=extra)
    file = home / "tocsin.log"
    return capsys.readouterr().err, file.read_text(encoding="utf-8") if file.exists() else ""


def test_as_json_every_event_is_an_object_with_its_facts(tmp_path, capsys):
    screen, file = said(tmp_path, capsys, '[logs]\nformat = "json"\n', articles=40, seconds=0.21)
    found = json.loads(file)
    assert screen == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("timestamp"))
    assert found == {
        "level": "INFO",
        "logger": "tocsin.flows.worker",
        "event": "watched",
        "articles": 40,
        "seconds": 0.21,
        "stage": "enrich",
        "owner": "host:1",
    }


def test_an_event_that_names_its_stage_keeps_it(tmp_path, capsys):
    _, file = said(tmp_path, capsys, '[logs]\nformat = "json"\n', stage="watch")
    assert json.loads(file)["stage"] == "watch"


def test_an_error_is_one_line_with_its_traceback(tmp_path, capsys):
    _, file = said(tmp_path, capsys, '[logs]\nformat = "json"\n', fail=True)
    (line,) = file.splitlines()
    found = json.loads(line)
    assert (found["level"], found["event"]) == ("ERROR", "torn")
    assert found["exception"].startswith("Traceback")


def test_without_a_file_everything_goes_to_standard_error(tmp_path, capsys):
    screen, file = said(tmp_path, capsys, "[logs]\nfile = false\n", articles=1)
    assert " info tocsin.flows.worker watched articles=1" in screen
    assert file == ""


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("fail", [False, True])
def test_no_secret_of_the_settings_is_ever_written_down(tmp_path, capsys, form, fail):
    written = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    settings = f'[logs]\nformat = "{form}"\n[ledger]\npassword = "{written}"\n'
    screen, file = said(
        tmp_path,
        capsys,
        settings,
        fail=fail,
        reason=f"the server refuses {PASSWORD!r}",
        url=f"https://elastic:{PASSWORD[:7]}@search.example/x",
        token="abc",
        api_key="k" * 20,
    )
    for text in (screen, file):
        assert "hunter2" not in text
        assert "äö" not in text
        assert "abc" not in text
        assert "kkkk" not in text
    assert "***@search.example/x" in file
    if form == "json":
        json.loads(file)


def test_the_address_of_an_apprise_channel_is_a_secret(tmp_path, capsys):
    settings = '[[channels]]\nname = "chat"\nkind = "apprise"\nurl = "tgram://123456:bot-token/42"\n'
    _, file = said(tmp_path, capsys, settings, reason="tgram://123456:bot-token/42 answered 401")
    assert "bot-token" not in file
    assert "*** answered 401" in file
