"""A TOML file and the environment -> frozen settings; an unknown key is an error that names the nearest one."""

import dataclasses
import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from ingest.verdict import Abort

T = TypeVar("T")
PREFIX = "TOCSIN__"  # TOCSIN__DESK__PORT=8740
SECRETS = ("secret", "password", "token", "key")
_IN_ADDRESS = re.compile(r"://[^/:@\s]*:([^/@\s]+)@")


class SettingsError(Abort, ValueError):
    """A setting that cannot be used: says which, where it stands, and what to write."""


def read(kind: type[T], path: Path | None, environment: Mapping[str, str]) -> T:
    """Settings of `kind` from defaults, then the TOML file at `path` where it exists, then the environment.

    A value that ends in `_file` names a file whose first line is the value: for secrets.
    Raises: SettingsError.
    """
    table: dict[str, Any] = {}
    if path is not None and path.exists():
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: not TOML: {error}") from error
    for name, value in sorted(environment.items()):
        if name.startswith(PREFIX):
            _put(table, name.removeprefix(PREFIX).lower().split("__"), value, name)
    return build(kind, table, str(path) if path else "settings", "")


def _put(table: dict[str, Any], keys: list[str], value: str, name: str) -> None:
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise SettingsError(f"{name}: {key} is not a section")
    table[keys[-1]] = value


def build(kind: type[T], table: Mapping[str, Any], where: str, inside: str) -> T:
    """One settings dataclass from a TOML table. `inside` is the section's name, for errors."""
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{inside}.{key}" if inside else key
        if key not in hints and key.endswith("_file") and key.removesuffix("_file") in hints:
            key, value = key.removesuffix("_file"), _secret(Path(str(value)), f"{where}: {name}")
        if key not in hints:
            raise SettingsError(f"{where}: unknown setting {name}{_nearest(key, list(hints))}")
        values[key] = _fit(hints[key], value, where, name)
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{where}: {inside or 'settings'}: {error}") from error


def _nearest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(sorted(known))}"


def _secret(path: Path, name: str) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError) as error:
        raise SettingsError(f"{name}: cannot read a secret from {path}: {error}") from error


def _fit(hint: Any, value: Any, where: str, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return (
            None if value in (None, "") else _fit(next(a for a in arguments if a is not type(None)), value, where, name)
        )
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise SettingsError(f"{where}: {name} is a section: write [{name}]")
        return build(hint, value, where, name)
    if origin is typing.Literal:
        if value not in arguments:
            raise SettingsError(f"{where}: {name} is {value!r}; write one of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(parts, list):
            raise SettingsError(f"{where}: {name} is a list: write [...]")
        return tuple(_fit(arguments[0], part, where, f"{name}[{at}]") for at, part in enumerate(parts))
    return _plain(hint, value, where, name)


def _plain(hint: Any, value: Any, where: str, name: str) -> Any:
    if hint is bool:
        if isinstance(value, str) and value.lower() in ("true", "1", "yes", "false", "0", "no"):
            return value.lower() in ("true", "1", "yes")
        if isinstance(value, bool):
            return value
    elif hint in (int, float) and not isinstance(value, bool):
        try:
            return hint(value)
        except (TypeError, ValueError):
            pass
    elif hint is str and isinstance(value, str):
        return value
    elif hint is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise SettingsError(f"{where}: {name} is {value!r}; write {_wanted(hint)}")


def _wanted(hint: Any) -> str:
    return {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text in quotes",
        Path: "a path",
    }.get(hint, str(hint))


def is_secret(name: str) -> bool:
    """Whether what stands under `name` must not be shown."""
    return any(word in name.split("_") for word in SECRETS)


def shown(settings: object) -> dict[str, Any]:
    """The settings as plain values, secrets as `***`, for people to look at."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, item.name)
        values[item.name] = _shown(item.name, value)
    return values


def _shown(name: str, value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return shown(value)
    if isinstance(value, tuple):
        return [_shown(name, part) for part in value]
    if isinstance(value, Path):
        return str(value)
    if value and (is_secret(name) or (name == "url" and "@" in str(value))):
        return "***"
    return value


def secrets_of(settings: object) -> set[str]:
    """Every secret that the settings hold, so that it can be kept out of what is written down."""
    found: set[str] = set()
    for item in dataclasses.fields(settings):  # type: ignore[arg-type]
        found |= _secrets(item.name, getattr(settings, item.name))
    if getattr(settings, "kind", "") == "apprise":
        found.add(getattr(settings, "url", ""))  # its addresses are made of tokens
    return found - {""}


def _secrets(name: str, value: object) -> set[str]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return secrets_of(value)
    if isinstance(value, tuple):
        return set().union(*(_secrets(name, part) for part in value))
    if isinstance(value, str) and value:
        if is_secret(name):
            return {value}
        found = _IN_ADDRESS.search(value)
        return {found[1], unquote(found[1])} if found else set()
    return set()
