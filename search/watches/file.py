"""A TOML file -> watches, or one error that says which line and what to write."""

import difflib
import re
import tomllib
from dataclasses import replace
from typing import Any

from search.watch import Watch
from search.watches.valid import Parse, WatchError, check_watch, slug

LISTS = frozenset({"channels", "must_ring", "must_not_ring"})
KEYS = frozenset({"id", "name", "query", "desk", "severity", "enabled", "note"}) | LISTS


def read_watches(text: str, where: str, parse: Parse) -> list[Watch]:
    """The watches of a TOML file, each a `[[watch]]`; `where` names the file in errors.

    Raises: WatchError.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WatchError(f"{where}: not TOML: {error}") from error
    listed = table.pop("watch", [])
    if table or not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise WatchError(f"{where}: {', '.join(table) or 'watch'} is not known here: write each watch as [[watch]]")
    places = _places(text, where, len(listed))
    watches: dict[str, Watch] = {}
    for one, place in zip(listed, places, strict=True):
        watch = _watch(one, place, parse)
        if watch.id in watches:
            raise WatchError(f"{place}: a second watch with the id {watch.id!r}: give it another name or its own id")
        watches[watch.id] = watch
    return list(watches.values())


def _places(text: str, where: str, count: int) -> list[str]:
    """Where each watch begins; the line is left out where headers cannot be told from text that looks like one."""
    lines = [at for at, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*watch\s*\]\]", line)]
    return [f"{where}, line {at}" for at in lines] if len(lines) == count else [where] * count


def _watch(table: dict[str, Any], place: str, parse: Parse) -> Watch:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise WatchError(f'{place}: a watch needs a name: write name = "..."')
    place = f"{place}: watch {name!r}"
    for key, value in table.items():
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            raise WatchError(f"{place}: {key} is not known; {f'did you mean {near[0]}?' if near else _known()}")
        _check_type(key, value, place)
    values: dict[str, Any] = {key: tuple(value) if key in LISTS else value for key, value in table.items()}
    watch = Watch(**{"id": slug(name), "query": "", **values, "name": name.strip()})
    check_watch(watch, parse, place)
    return replace(watch, query=" ".join(watch.query.split()))


def _known() -> str:
    return f"there are {', '.join(sorted(KEYS))}"


def _check_type(key: str, value: object, place: str) -> None:
    if key in LISTS:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise WatchError(f'{place}: {key} is a list: write ["...", "..."]')
    elif key == "enabled":
        if not isinstance(value, bool):
            raise WatchError(f"{place}: enabled is true or false")
    elif not isinstance(value, str):
        raise WatchError(f'{place}: {key} is a text: write {key} = "..."')
