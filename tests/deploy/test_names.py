"""Every command, flag, setting, variable and port that deploy/ and its guide name is one that the code has."""

import dataclasses
import re
import typing

import pytest
import typer
from deploy_kit import DEPLOY, ROOT, STAGES, compose, deployments, texts

from flows import command
from flows.route import ROUTE
from flows.settings import Settings
from search.desk.context import DeskSettings

# What others are writing at the same time. A name goes from here once it is there, else this test says so.
BESIDE_THE_ROUTE = {"desk"}  # what `tocsin work` runs that is no stage


def commands():
    """{"watch add": its parameters} of everything that can be typed after `tocsin`."""
    if not command.app.registered_commands:
        command._register()

    def walk(group, before=""):
        for name, one in group.commands.items():
            if hasattr(one, "commands"):
                yield from walk(one, f"{before}{name} ")
            else:
                yield f"{before}{name}", {option for parameter in one.params for option in parameter.opts}

    return dict(walk(typer.main.get_command(command.app)))


def typed():
    """(file, words after `tocsin`) of every place where it is started or told to be."""
    for name, text in texts():
        for words in re.findall(r"(?:`|bin/|^[ \t]*(?:- )?)tocsin ([a-z][^`\n]*)", text, re.MULTILINE):
            yield name, words.split("#")[0].split()
        for words in re.findall(r"run --rm \w+ ([a-z][^`\n]*)", text):
            yield name, words.split("#")[0].split()
        for words in re.findall(r"(?:command|args): \[(work, \w+)\]", text):
            yield name, words.split(", ")


def test_commands_are_found_where_they_stand():
    files = {name for name, _ in typed()}
    assert {"deploy/compose.yaml", "deploy/Dockerfile", "deploy/systemd/tocsin.service", "docs/operating.md"} <= files
    assert "deploy/kubernetes/setup.yaml" in files
    assert len(list(typed())) > 40


@pytest.mark.parametrize(
    ("file", "words"), list(typed()), ids=lambda value: value if isinstance(value, str) else value[0]
)
def test_a_command_is_one_that_can_be_typed(file, words):
    known = commands()
    one, two = words[0], " ".join(words[:2])
    name = two if two in known else one
    assert name in known, f"{file}: tocsin {' '.join(words)}"
    for flag in (word for word in words if word.startswith("--")):
        assert flag in known[name] | {"--help"}, f"{file}: tocsin {' '.join(words)}"


def test_stages_are_those_of_the_route():
    stages = {words[1] for _, words in typed() if words[0] == "work" and words[1] != "%i"}
    assert stages == {arrow.stage for arrow in ROUTE} | BESIDE_THE_ROUTE == set(STAGES)


def settings():
    hints = typing.get_type_hints(Settings)
    return {
        f"{section}.{field.name}"
        for section, kind in hints.items()
        if dataclasses.is_dataclass(kind)
        for field in dataclasses.fields(kind)
    } | {"channels.name"}


def named_settings():
    """(file, section.name) in the environment of services, and in the guide and comments as `section.name`."""
    sections = "|".join(field.name for field in dataclasses.fields(Settings))
    for name, text in texts():
        for section, key in re.findall(r"\bTOCSIN__([A-Z]+)__([A-Z_]+)\b", text):
            if section != "SECTION":
                yield name, f"{section.lower()}.{key.lower()}"
        for found in re.findall(rf"`((?:{sections})\.[a-z_]+)(?: = [^`]*)?`", text):
            if not found.endswith(".db"):
                yield name, found


@pytest.mark.parametrize("found", sorted({name for _, name in named_settings()}))
def test_a_setting_is_one_that_the_code_reads(found):
    known = settings()
    assert found in known or found.removesuffix("_file") in known


def test_other_variables_are_read_by_the_code_or_asked_for_by_the_compose_file():
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "flows").rglob("*.py")))
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    named = {found for _, text in texts() for found in re.findall(r"\bTOCSIN_(?!_)[A-Z_]+\b", text)}
    assert named
    for name in named - asked:
        assert f'"{name}"' in code, name


def test_ports_are_those_where_tocsin_answers():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (health,) = re.findall(r"TOCSIN__HEALTH__PORT=(\d+)", text)
    page = DeskSettings().port
    assert f"EXPOSE {page} {health}" in text
    assert compose()["services"]["desk"]["ports"] == [f"127.0.0.1:{page}:{page}"]
    for stage in STAGES:
        (container,) = deployments()[stage]["containers"]
        wanted = {"health": int(health), "page": page} if stage == "desk" else {"health": int(health)}
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == wanted


def test_paths_that_a_file_names_are_there():
    for name, text in texts():
        for path in re.findall(r"\b((?:deploy|docs|tests)/[\w./@*-]+\w)", text):
            if not path.startswith(("deploy/secrets", "deploy/tocsin.toml", "deploy/.env")):
                assert list(ROOT.glob(path)), f"{name}: {path}"
        for link in re.findall(r"\]\((\w+\.md)\)", text) if name.endswith(".md") else ():
            assert (ROOT / "docs" / link).exists(), link


def test_links_within_the_guide_lead_to_headings():
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= headings
