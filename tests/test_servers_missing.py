import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import servers_programs
from servers_programs import NoServerError, java

TESTS = Path(__file__).parent
ASKING = """
from pathlib import Path
import servers_programs
from servers import server
servers_programs.JAVAS = servers_programs.POSTGRESQLS = Path("no-such-folder")

def test_asks():
    server({kind!r})
"""


def asking(folder: Path, kind: str, **given: str) -> str:
    """What pytest says of a test that asks for a server on a machine with no program and nothing in its environment."""
    (folder / "test_asks.py").write_text(ASKING.format(kind=kind))
    (folder / "servers/kafka-4.1.1").mkdir(parents=True)
    environment = {"PATH": "", "PYTHONPATH": str(TESTS), "TOCSIN_SERVERS": str(folder / "servers"), **given}
    command = [sys.executable, "-m", "pytest", "-ra", "-c", os.devnull, "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True).stdout.replace(
        "\n", " "
    )


REASONS = {
    "kafka": "no kafka server: no Java 17 or newer",
    "elasticsearch9": "elasticsearch-9.2.4 is not there (`make test-servers` fetches it)",
    "postgresql": "no PostgreSQL server in no-such-folder (install the package postgresql)",
}


@pytest.mark.parametrize("kind", sorted(REASONS))
def test_a_test_without_its_server_is_skipped_and_says_why(kind, tmp_path):
    said = asking(tmp_path, kind)
    assert "1 skipped" in said
    assert REASONS[kind] in said


def test_a_test_without_its_server_fails_where_servers_are_needed(tmp_path):
    said = asking(tmp_path, "kafka", TOCSIN_NEED_SERVERS="1")
    assert "1 failed" in said
    assert REASONS["kafka"] in said


def test_a_java_is_taken_only_if_it_is_new_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(servers_programs, "JAVAS", tmp_path / "jvm")
    for name, release in (("jvm/old", 11), ("path", 17), ("home", 21)):
        program = tmp_path / name / "bin/java"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{release}.0.2\"' >&2\n")
        program.chmod(0o755)
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "path/bin")}
    assert java(21, environment) == tmp_path / "home"
    assert java(17, {"PATH": environment["PATH"]}) == tmp_path / "path"
    assert java(11, {}) == tmp_path / "jvm/old"
    with pytest.raises(NoServerError, match="no Java 21 or newer"):
        java(21, {"PATH": environment["PATH"]})


@pytest.fixture
def fetching(tmp_path, monkeypatch):
    """A cache folder in which programs may be fetched; the fetching itself is what a test gives."""
    (tmp_path / "mvn").write_text("#!/bin/sh\n")
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("TOCSIN_NEED_SERVERS", "1")
    monkeypatch.setenv("TOCSIN_SERVERS", str(tmp_path / "servers"))
    return tmp_path / "servers"


def test_a_broken_download_leaves_nothing_that_would_be_used(fetching):
    def broken(part: Path) -> Path:
        (part / "program").mkdir()
        raise NoServerError("mvn copy failed")

    with pytest.raises(NoServerError, match="mvn copy failed"):
        servers_programs._kept("program", broken)
    assert [path.name for path in fetching.iterdir()] == ["program.lock"]


def test_two_that_want_the_same_program_fetch_it_once(fetching):
    both, times = threading.Barrier(2), []

    def fetch(part: Path) -> Path:
        times.append(part)
        (part / "program").mkdir()
        return part / "program"

    def want() -> None:
        both.wait()
        servers_programs._kept("program", fetch)

    threads = [threading.Thread(target=want) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 1
    assert (fetching / "program").is_dir()


def test_every_test_module_that_asks_for_servers_is_marked():
    asks = {"servers"}
    for _ in range(3):  # kits that ask, and kits over them
        asks |= {
            path.stem for path in TESTS.rglob("*.py") if not path.stem.startswith("test_") and imports(path) & asks
        }
    for path in TESTS.rglob("test_*.py"):
        if imports(path) & asks:
            marked = "pytest.mark.servers" in path.read_text(encoding="utf-8")
            assert marked, f"{path.name} asks for servers and is not marked `servers`"


def imports(path: Path) -> set[str]:
    return set(re.findall(r"^\s*from (\w+) import", path.read_text(encoding="utf-8"), re.MULTILINE))
