"""The operator's commands: the same behaviour in a folder of one's own and beside `tocsin run`."""

import base64

import pytest
from route_kit import finished, objects, running, tocsin

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
WATCHES = '[[watch]]\nname = "Eased"\nquery = "topic:sanctions.eased"\ndesk = "Sanctions"\nchannels = ["hook"]\n'
SETTINGS = f'[[channels]]\nname = "hook"\nkind = "webhook"\nurl = "http://127.0.0.1:9/hook"\nsecret = "{SECRET}"\n'


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "tocsin.toml").write_text(SETTINGS + '[operate]\nchannels = ["hook"]\n')
    (tmp_path / "watches.toml").write_text(WATCHES)
    tocsin("watch", "add", str(tmp_path / "watches.toml"), home=folder)
    return folder


def one(*arguments, home, code=0):
    (said,) = objects(tocsin(*arguments, "--json", home=home, code=code))
    return said


def test_the_commands_alone(home):
    said = one("digest", "--desk", "Sanctions", home=home)
    assert said["schema"] == "tocsin.digest/1"
    assert [row["name"] for row in said["digest"]["counts"]] == ["Eased"]
    assert said["channels"]["hook"].startswith(("waiting", "failed"))
    assert one("digest", "--desk", "Sanctions", home=home)["sent_before"] == ["hook"]
    found = one("maintain", home=home, code=1)  # no feed is read yet
    assert any("no feed is read" in trouble["said"] for trouble in found["told"]["new"])
    assert one("replay", "--since", "2026-01-01", home=home)["articles"] == 0
    queued = one("backfill", "addresses", "https://a.example/1", home=home)
    assert queued["sources"] == [{"source": "addresses", "outcomes": {"queued": 1}, "problem": ""}]


def test_the_commands_beside_the_process_that_owns_the_folder(home, tmp_path):
    (tmp_path / "list.txt").write_text("https://127.0.0.1:1/1\nhttps://127.0.0.1:1/2\n")
    with running("run", "--port", "0", home=home):
        said = one("digest", "--desk", "Sanctions", home=home)
        assert (said["sent_before"], list(said["channels"])) == ([], ["hook"])
        assert one("digest", "--desk", "Sanctions", home=home)["sent_before"] == ["hook"]
        assert one("maintain", home=home, code=1)["told"]["notice"]
        fates = one("backfill", "addresses", str(tmp_path / "list.txt"), home=home)["fates"]
        assert [fate["outcome"] for fate in fates] == ["refused", "refused"]  # this machine was not opened
        assert one("replay", "--since", "2026-01-01", home=home)["articles"] == 0
        refused = finished("digest", "--desk", "Sport", home=home)
        assert (refused.returncode, refused.stderr.strip()) == (
            1, "tocsin: no watch has the desk 'Sport'; there are Sanctions",
        )  # fmt: skip
        in_use = finished("backfill", "archive", home=home)
        assert in_use.returncode == 1
        assert "is in use by process" in in_use.stderr


def test_wrong_use_says_what_to_write(home):
    assert "write 2026-03-01" in finished("replay", "--since", "yesterday", home=home).stderr.replace("\n", " ")
    assert "name the WARC files to bring in" in finished("backfill", "files", home=home).stderr
    assert "there is no time zone 'Mars'" in finished("digest", "--zone", "Mars", home=home).stderr
