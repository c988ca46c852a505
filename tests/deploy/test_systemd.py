import configparser
import shutil
import subprocess

import pytest
from deploy_kit import DEPLOY

UNITS = DEPLOY / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
OPEN_ENOUGH = 20  # tenths: systemd's own measure of how much a service is exposed, from 0 to 100


def analyze():
    found = shutil.which("systemd-analyze")
    if not found:
        pytest.skip("systemd-analyze is not here: it comes with systemd")
    return found


@pytest.fixture
def units(tmp_path):
    """The units, with a program that is there."""
    for path in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/tocsin/bin/tocsin", shutil.which("true")))
    return tmp_path


def test_systemd_reads_the_units(units):
    names = ["tocsin.service", "tocsin-work@enrich.service", "tocsin-backup.service", "tocsin-backup.timer"]
    done = subprocess.run(
        [analyze(), "verify", "--man=no", *(f"./{name}" for name in names)],
        cwd=units,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [path.name for path in SERVICES])
def test_a_service_is_shut_in(units, name):
    done = subprocess.run(
        [analyze(), "security", "--offline=true", "--no-pager", f"--threshold={OPEN_ENOUGH}", f"./{name}"],
        cwd=units,
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown" in done.stderr or "unrecognized" in done.stderr:
        pytest.skip("this systemd cannot measure a unit that is not installed")
    assert done.returncode == 0, done.stdout


class _Unit(configparser.RawConfigParser):
    def __init__(self):
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))

    def optionxform(self, optionstr):
        return optionstr


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_has_an_account_a_folder_and_limits(path):
    unit = _Unit()
    unit.read(path)
    service = unit["Service"]
    assert service["User"] == service["Group"] == "tocsin"
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == ("tocsin", "0700")
    assert service["MemoryMax"]
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"


def test_wrong_settings_are_not_started_again_and_again():
    for name in ("tocsin.service", "tocsin-work@.service"):
        unit = _Unit()
        unit.read(UNITS / name)
        assert (unit["Service"]["Restart"], unit["Service"]["RestartPreventExitStatus"]) == ("on-failure", "2")
