"""The outlets' files -> articles with the second at which each appears."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    id: str  # name of its file: "en-harbour-wire"
    name: str
    language: str
    feed: str  # "rss" or "atom"
    page: str  # the form of its pages: "json-ld", "open-graph", "meta", "bare", "legacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocked:
    """One article of the newsroom. `rings` and `negative` say what a right system does with it."""

    outlet: Outlet
    slug: str
    at: float  # seconds after the newsroom opened
    title: str
    author: str
    text: str
    edited_at: float | None = None
    edited_text: str = ""
    late_hours: float = 0.0  # its date lies so much before it appears
    event: str = ""
    copy_of: str = ""  # "outlet/slug" of the text that this one copies
    rings: tuple[str, ...] = ()  # ids of the watches that must ring
    negative: str = ""  # why it must not ring although its words might tempt

    @property
    def path(self) -> str:
        return f"/{self.outlet.id}/{self.slug}.html"

    def text_at(self, second: float) -> str:
        """The text as it stands so many seconds after opening."""
        return self.edited_text if self.edited_at is not None and second >= self.edited_at else self.text


@cache
def stock() -> tuple[Stocked, ...]:
    """Every article, in order of appearance.

    Raises: KeyError naming what a file lacks.
    """
    tables: dict[str, tuple[Outlet, Mapping[str, Any]]] = {}
    for file in sorted((files("flows.demo") / "outlets").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        name = file.name.removesuffix(".toml")
        outlet = Outlet(id=name, name=table["name"], language=table["language"], feed=table["feed"], page=table["page"])
        for article in table["article"]:
            tables[f"{name}/{article['slug']}"] = (outlet, article)
    made = [_article(outlet, article, tables) for outlet, article in tables.values()]
    return tuple(sorted(made, key=lambda article: (article.at, article.path)))


def _article(
    outlet: Outlet, table: Mapping[str, Any], tables: Mapping[str, tuple[Outlet, Mapping[str, Any]]]
) -> Stocked:
    source = tables[table["copy_of"]][1] if "copy_of" in table else table
    text = _replaced(source["text"].strip(), table.get("replace", ()))
    edit = table.get("edit")
    return Stocked(
        outlet=outlet,
        slug=table["slug"],
        at=float(table["at"]),
        title=table["title"],
        author=table["author"],
        text=text,
        edited_at=float(table["at"] + edit["after"]) if edit else None,
        edited_text=_replaced(text, edit["replace"]) if edit else "",
        late_hours=float(table.get("late_hours", 0)),
        event=table.get("event", ""),
        copy_of=table.get("copy_of", ""),
        rings=tuple(table.get("rings", ())),
        negative=table.get("negative", ""),
    )


def _replaced(text: str, pairs: Any) -> str:
    for old, new in pairs:
        if old not in text:
            raise KeyError(f"nothing to replace: {old!r}")
        text = text.replace(old, new)
    return text
