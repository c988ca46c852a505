"""What the tests of deploy/ share: its files, read strictly, and the programs that check them."""

import os
import re
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
TOOLS = Path(os.environ.get("TOCSIN_TOOLS") or Path(tempfile.gettempdir()) / "tocsin-deploy-tools")
STAGES = ("collect", "extract", "enrich", "stories", "index", "watch", "deliver", "desk")


class _Strict(yaml.SafeLoader):
    """YAML in which no key stands twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"{sorted(twice)} stand twice at {node.start_mark}"
        return super().construct_mapping(node, deep)


@lru_cache
def documents(path):
    """What stands in a YAML file; the tests only read it."""
    return list(yaml.load_all(path.read_text(encoding="utf-8"), _Strict))


def compose():
    (found,) = documents(DEPLOY / "compose.yaml")
    return found


def manifests():
    """(file, object) of every Kubernetes manifest."""
    paths = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [(path.name, found) for path in paths for found in documents(path)]


def deployments():
    return {
        found["metadata"]["name"]: found["spec"]["template"]["spec"]
        for _, found in manifests()
        if found["kind"] == "Deployment"
    }


def program(name):
    """A program that checks files; skips where it is not to be had."""
    for found in (TOOLS / name, shutil.which(name)):
        if found and Path(found).exists():
            return str(found)
    pytest.skip(f"{name} is not here: sh tests/deploy/tools.sh {TOOLS}")


def texts():
    """(name, text) of everything in deploy/ that an operator reads, without locks."""
    return [
        (path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted([*DEPLOY.rglob("*"), ROOT / "docs" / "operating.md"])
        if path.is_file() and path.suffix != ".lock" and "secrets/" not in path.as_posix()
    ]


def filled(text):
    """A compose file with its variables given."""
    return re.sub(r"(?<!\$)\$\{\w+:([?-])([^}]*)\}", lambda found: "given" if found[1] == "?" else found[2], text)
