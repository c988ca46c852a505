import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from deploy_kit import DEPLOY, ROOT, program

DEVELOPMENT = ("pytest", "mypy", "ruff", "playwright", "hypothesis", "hatchling", "pip", "setuptools")


def instructions():
    """(instruction, arguments) a stage, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    stages = []
    for line in joined:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest))
    return stages


def test_hadolint_finds_nothing():
    done = subprocess.run(
        [program("hadolint"), "--no-color", str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_last_stage_builds_nothing_and_runs_as_nobody_in_particular():
    last = instructions()[-1]
    assert [rest for word, rest in last if word == "USER"] == ["10001:10001"]
    commands = " ".join(rest for word, rest in last if word == "RUN")
    assert "pip uninstall" in commands
    assert not re.search(r"pip install|apt-get|curl|gcc", commands)
    assert [rest for word, rest in last if word == "COPY"] == ["--from=build /opt/tocsin /opt/tocsin"]
    assert ("ENTRYPOINT", '["tocsin"]') in last


def test_every_base_is_pinned_and_slim():
    assert {rest.split()[0] for stage in instructions() for word, rest in stage if word == "FROM"} == {
        "python:3.11-slim-bookworm"
    }


def test_what_is_installed_is_checked_by_its_hash():
    commands = " && ".join(rest for word, rest in instructions()[0] if word == "RUN")
    for command in re.findall(r"pip (?:install|wheel) [^&]*", commands):
        assert "--require-hashes" in command or ". -w" in command or "--no-index" in command, command


def pinned(name):
    text = (DEPLOY / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.\[\]-]+)==([^\s;\\]+)", text, re.MULTILINE))


def test_the_image_has_what_is_tested_and_no_more():
    runtime, development = pinned("requirements.runtime.lock"), pinned("requirements.lock")
    assert runtime.items() <= development.items()
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["development"]
    for name in ("pytest", "mypy", "ruff", "playwright", "hypothesis", "import-linter"):
        assert any(one.startswith(name) for one in extra)
        assert name not in runtime


@pytest.mark.parametrize("name", ["requirements.lock", "requirements.runtime.lock"])
def test_a_lock_names_no_address_and_hashes_all(name):
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert text.count("--hash=sha256:") >= len(pinned(name)) > 100


def test_only_what_is_copied_goes_to_the_engine():
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = {source for word, rest in instructions()[0] if word == "COPY" for source in rest.split()[:-1]}
    assert copied == allowed


@pytest.mark.prove
def test_the_commands_of_the_image_give_a_tocsin_without_what_develops_it(tmp_path):
    """No engine is needed for this: the same commands, in a folder, with what the first stage copies."""
    work = tmp_path / "build"
    work.mkdir()
    for word, rest in instructions()[0]:
        *sources, target = rest.split()
        for source in sources if word == "COPY" else ():
            place = work / target / Path(source).name if target.endswith("/") else work / target
            place.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, place)
    python = tmp_path / "python"
    subprocess.run(["python3.11", "-m", "venv", str(python)], check=True)
    environment = {"PATH": f"{python / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for word, rest in instructions()[0]:
        if word == "RUN":
            command = rest.replace("/opt/tocsin", str(tmp_path / "tocsin"))
            subprocess.run(
                ["bash", "-o", "pipefail", "-euc", command], cwd=work, env=environment, check=True, timeout=600
            )
    made = tmp_path / "tocsin"
    for name in DEVELOPMENT:
        gone = subprocess.run(
            [str(made / "bin/python"), "-c", f"import {name}"], capture_output=True, check=False, env=environment
        )
        assert gone.returncode == 1, name
    said = subprocess.run(
        [str(made / "bin/tocsin"), "enrich", "-", "--json"],
        input="The Treasury lifted its sanctions on two banks.",
        env={**environment, "TOCSIN_CACHE": str(made / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"topic": "sanctions.eased"' in said.stdout
    assert said.stderr == ""  # nothing had to be compiled
