"""What stands in Kibana -> the files of its objects, so that a change made there is kept."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingest.verdict import Abort
from search.kibana.objects import SavedObject, opened, path_of, written


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What stands in Kibana of the objects that have files, and of what they refer to."""

    objects: tuple[SavedObject, ...]
    missing: tuple[str, ...]  # objects that have a file and are not in Kibana, a sentence each


def brought(lines: Iterable[Mapping[str, Any]], known: Sequence[SavedObject]) -> Brought:
    """Ours among the lines of an export, by the ids of their files whatever ids they have in that space.

    Raises: Abort if a line is no saved object.
    """
    there: dict[tuple[str, str], SavedObject] = {}
    ids: dict[tuple[str, str], str] = {}  # id there -> id of its file
    files = {one.key for one in known}
    for line in lines:
        one = _opened(line)
        there[one.key] = one
        origin = str(line.get("originId", ""))
        ids[one.key] = origin if (one.type, origin) in files and one.key not in files else one.id
    found: dict[tuple[str, str], SavedObject] = {}
    waiting = [key for key, name in ids.items() if (key[0], name) in files]
    while waiting:
        key = waiting.pop()
        if key in there and (key[0], ids[key]) not in found:
            one = _with_ids(there[key], ids)
            found[one.key] = one
            waiting += [(reference["type"], reference["id"]) for reference in there[key].references]
    missing = sorted(files - found.keys())
    return Brought(
        objects=tuple(found[key] for key in sorted(found)),
        missing=tuple(f"{kind} {name} is not in Kibana; its file stays" for kind, name in missing),
    )


def changes(folder: Path, one: SavedObject) -> list[str]:
    """How the object's file would change, as lines of a unified diff; none where it would not."""
    path = folder / path_of(one)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = (old.splitlines(keepends=True), written(one).splitlines(keepends=True))
    return list(difflib.unified_diff(*lines, f"a/{path_of(one)}", f"b/{path_of(one)}"))


def newer(one: SavedObject, known: Sequence[SavedObject]) -> str:
    """A sentence where the object's form is of a newer Kibana than its file, else nothing."""
    for old in known:
        if old.key == one.key and (old.core, old.version) != (one.core, one.version):
            return (
                f"{one.type} {one.id} is in the form of a newer Kibana ({one.version}, the file has {old.version}): "
                "an older Kibana will not import it any more"
            )
    return ""


def write(folder: Path, one: SavedObject) -> None:
    """Writes the object's file.

    Raises: Abort if it cannot be written.
    """
    path = folder / path_of(one)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written(one), encoding="utf-8")
    except OSError as error:
        raise Abort(f"cannot write {path}: {error.strerror}") from error


def _opened(line: Mapping[str, Any]) -> SavedObject:
    try:
        return opened(line)
    except (KeyError, TypeError, ValueError) as error:
        raise Abort(f"Kibana gave what is no saved object as of 8.19 or 9 ({error!r}): which version is it?") from error


def _with_ids(one: SavedObject, ids: Mapping[tuple[str, str], str]) -> SavedObject:
    key = one.key
    references = tuple(
        {**reference, "id": ids.get((reference["type"], reference["id"]), reference["id"])}
        for reference in one.references
    )
    return replace(one, id=ids[key], references=references)
