import dataclasses
import re
import tomllib
import typing
from pathlib import Path

import pytest
from deploy_kit import DEPLOY

from flows.configuration import read
from flows.settings import Settings

EXAMPLE = DEPLOY / "settings.example.toml"
SETTING = re.compile(r"^#(\w+ = .*|\[\[\w+\]\])")


def uncommented(folder, *, instead):
    """The example with every setting in force; secrets are read from files of this test.

    What stands instead of something else is taken with `instead`, and else what it stands instead of.
    """
    lines = [SETTING.sub(r"\1", line) for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    sections = re.split(r"(?m)^(?=\[)", "\n".join(lines))
    text = "".join(chosen(section, instead) for section in sections)
    secret = folder / "secret"
    secret.write_text("whsec_" + "A" * 32 + "\n", encoding="utf-8")
    return re.sub(r'_file = "/etc/tocsin/secrets/\w+"', f'_file = "{secret}"', text)


def chosen(section, instead):
    if "instead of user and password" not in section:
        return section
    left_out = r"(?m)^(?:user|password_file) = .*\n" if instead else r"(?m)^.*instead of user and password.*\n"
    return re.sub(left_out, "", section)


def names(kind, before=""):
    """Every setting, as section.name."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name == "channels":
            continue
        if dataclasses.is_dataclass(hints[field.name]):
            yield from names(hints[field.name], f"{before}{field.name}.")
        else:
            yield f"{before}{field.name}"


def told():
    """{section.name: whether it is an example} of the file."""
    found, section = {}, ""
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if line.startswith(("[", "#[[")):
            section = line.strip("#[]") + "."
        elif found_here := re.match(r"^#(\w+) = ", line):
            found[section + found_here[1]] = "# example" in line
    return {name: example for name, example in found.items() if not name.startswith("channels.")}


def left_out(text):
    """The settings of the file that are not in force in `text`."""
    there, section = set(), ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]") + "."
        elif found := re.match(r"^(\w+) = ", line):
            there.add(section + found[1])
    return set(told()) - there


def test_as_it_stands_it_changes_nothing(tmp_path):
    path = tmp_path / "tocsin.toml"
    path.write_bytes(EXAMPLE.read_bytes())
    assert read(Settings, path, {}) == Settings()


@pytest.mark.parametrize("instead", [False, True])
def test_every_setting_in_it_is_real_and_those_that_say_so_are_the_defaults(tmp_path, instead):
    path = tmp_path / "tocsin.toml"
    text = uncommented(tmp_path, instead=instead)
    path.write_text(text, encoding="utf-8")
    found = read(Settings, path, {})

    def value(settings, name):
        for part in name.split("."):
            settings = getattr(settings, part)
        return settings

    for name, example in told().items():
        real = name if name in set(names(Settings)) else name.removesuffix("_file")
        if name in left_out(text):
            continue
        if example:
            assert value(found, real) != value(Settings(), real), f"{name}: an example shows something else"
        else:
            assert value(found, real) == value(Settings(), real), f"{name}: not the default"
    assert [channel.kind for channel in found.channels] == ["webhook", "email", "apprise"]


def test_every_setting_stands_in_it():
    there = {name for told_name in told() for name in (told_name, told_name.removesuffix("_file"))}
    missing = set(names(Settings)) - there
    assert not missing, f"add to deploy/settings.example.toml: {sorted(missing)}"


def test_it_reads_as_toml_with_all_its_sections():
    sections = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert set(sections) == {field.name for field in dataclasses.fields(Settings)} - {"channels"}


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.toml")), ids=lambda path: path.name)
def test_no_line_is_wider_than_a_screen(path: Path):
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if len(line) > 150] == []
