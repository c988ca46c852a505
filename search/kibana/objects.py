"""Files that an editor reads <-> saved objects of Kibana: one file an object, and JSON inside texts written out."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ingest.verdict import Abort
from search.index.elastic.mapping import KINDS
from search.index.settings import IndexSettings

DATA_VIEW = "index-pattern"
TYPES = (DATA_VIEW, "search", "lens", "dashboard")  # those that Tocsin brings; each comes after what it refers to
NAME = IndexSettings().name  # index names in the files begin so
# Attributes that Kibana keeps as JSON in a text, beside all whose names end in "JSON".
TEXTS = {
    DATA_VIEW: frozenset({"fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters", "typeMeta"}),
    "visualization": frozenset({"visState"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedObject:
    """What is kept of a saved object; who changed it and when, and its space, are left out."""

    type: str
    id: str
    attributes: Mapping[str, Any]  # JSON inside texts is opened
    references: tuple[Mapping[str, str], ...]  # name, type and id
    core: str  # coreMigrationVersion: Kibana carries older ones over, and refuses newer ones
    version: str  # typeMigrationVersion

    @property
    def key(self) -> tuple[str, str]:
        return self.type, self.id

    @property
    def title(self) -> str:
        return str(self.attributes.get("name") or self.attributes.get("title") or self.id)


def opened(line: Mapping[str, Any]) -> SavedObject:
    """The object of a line of an export, or of a file.

    Raises: KeyError, TypeError or ValueError if it is none.
    """
    if not re.fullmatch("[a-z0-9_-]+", line["type"]):
        raise ValueError(f"no type of a saved object: {line['type']!r}")
    return SavedObject(
        type=line["type"],
        id=line["id"],
        attributes=_walked(line["attributes"], TEXTS.get(line["type"], frozenset()), _parsed),
        references=tuple(sorted(line["references"], key=lambda one: (one["name"], one["type"], one["id"]))),
        core=line["coreMigrationVersion"],
        version=line["typeMigrationVersion"],
    )


def closed(one: SavedObject) -> dict[str, Any]:
    """The object as Kibana imports it."""
    return {**_line(one), "attributes": _walked(one.attributes, TEXTS.get(one.type, frozenset()), _dumped)}


def import_file(objects: Iterable[SavedObject]) -> str:
    """The file that Kibana imports, through `tocsin kibana apply` or by hand under Stack Management, Saved Objects."""
    return "".join(json.dumps(closed(one), ensure_ascii=False) + "\n" for one in objects)


def written(one: SavedObject) -> str:
    """The text of the object's file: the same for the same object, whoever exports it."""
    return json.dumps(_line(one), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def path_of(one: SavedObject) -> Path:
    """Where the object's file stands in the folder."""
    return Path(one.type, f"{quote(one.id, safe='')}.json")


def read_objects(folder: Path) -> list[SavedObject]:
    """The objects of a folder, each after those of other types that it may refer to.

    Raises: Abort naming the file that cannot be used.
    """
    paths = sorted(folder.glob("*/*.json"))
    if not paths:
        raise Abort(f"{folder} holds no saved objects: name the folder deploy/kibana of Tocsin's source with --objects")
    found = [_read(path, folder) for path in paths]
    return sorted(found, key=lambda one: (_rank(one.type), one.id))


def renamed(one: SavedObject, old: str, new: str) -> SavedObject:
    """The object over indices whose names begin with `new` instead of `old`: only data views name any."""
    title = str(one.attributes.get("title", ""))
    for kind in KINDS:
        if one.type == DATA_VIEW and title == f"{old}-{kind}":
            return replace(one, attributes={**one.attributes, "title": f"{new}-{kind}"})
    return one


def dangling(objects: Sequence[SavedObject]) -> list[str]:
    """References to what is not among the objects, a sentence each."""
    there = {one.key for one in objects}
    return [
        f"{one.type} {one.id} refers to {reference['type']} {reference['id']}, which has no file"
        for one in objects
        for reference in one.references
        if (reference["type"], reference["id"]) not in there
    ]


def _line(one: SavedObject) -> dict[str, Any]:
    return {
        "type": one.type,
        "id": one.id,
        "attributes": one.attributes,
        "references": list(one.references),
        "coreMigrationVersion": one.core,
        "typeMigrationVersion": one.version,
    }


def _read(path: Path, folder: Path) -> SavedObject:
    try:
        one = opened(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Abort(
            f"{path} is no saved object as Tocsin writes it ({error!r}); restore it, or export again"
        ) from error
    if path.relative_to(folder) != path_of(one):
        raise Abort(f"{path} holds {one.type} {one.id}: its place is {folder / path_of(one)}")
    return one


def _rank(name: str) -> int:
    return TYPES.index(name) if name in TYPES else 0


def _walked(value: Any, texts: frozenset[str], change: Callable[[Any], Any]) -> Any:
    """The value with `change` done to every attribute that is JSON in a text."""
    if isinstance(value, Mapping):
        return {
            name: change(inner) if name in texts or name.endswith("JSON") else _walked(inner, frozenset(), change)
            for name, inner in value.items()
        }
    return [_walked(inner, frozenset(), change) for inner in value] if isinstance(value, list) else value


def _parsed(text: Any) -> Any:
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text
    return found if isinstance(found, Mapping | list) else text


def _dumped(value: Any) -> Any:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
