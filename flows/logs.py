"""What the parts log -> the folder's log file or standard error, as text for people or as JSON for machines."""

import json
import logging
import os
import re
import socket
import sys
from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import Literal

from flows.configuration import is_secret, secrets_of
from flows.home import Home

FILE_BYTES, FILES_KEPT = 10 * 1024 * 1024, 3
LEAST_SECRET = 6  # characters: shorter ones would also hide plain words
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_USER_INFO = re.compile(r"(?<=://)[^/\s@'\"]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How and where events are written down."""

    format: Literal["text", "json"] = "text"
    file: bool = True  # into the folder, and errors on standard error; false: everything on standard error


class _Text(logging.Formatter):
    """A line an event: when, how grave, where, what, and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value!r}" for name, value in vars(record).items() if name not in _KNOWN)
        line = (
            f"{self.formatTime(record)} {record.levelname.lower()} {record.name} {record.getMessage()} {facts}".rstrip()
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Scrubbed(logging.Formatter):
    """Another formatter's lines without the secrets of the settings, and without what stands before @ in addresses."""

    def __init__(self, inner: logging.Formatter, secrets: Collection[str]) -> None:
        super().__init__()
        self._inner, self._secrets = inner, sorted(secrets, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        shown = copy(record)
        for name in vars(record):
            if name not in _KNOWN and is_secret(name):
                setattr(shown, name, "***")
        line = self._inner.format(shown)
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return _USER_INFO.sub("***@", line)


def log_to(home: Home, *, verbose: bool, stage: str = "", owner: str = "") -> None:
    """Has everything from `info` on written down as the settings say; with `verbose` all on standard error too.

    `stage` and `owner`, by default host and process, are told with every event in JSON.
    Raises: SettingsError if a setting cannot be used.
    """
    from flows.settings import read_settings

    settings = read_settings(home)
    formatter = _Scrubbed(_formatter(settings.logs, stage, owner), _spelled(secrets_of(settings)))
    root = logging.getLogger("tocsin")
    root.setLevel(logging.INFO)
    root.handlers.clear()
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.INFO if verbose or not settings.logs.file else logging.ERROR)
    handlers: list[logging.Handler] = [screen]
    home.prepare()
    if settings.logs.file:
        path = home.path / "tocsin.log"
        handlers.append(
            RotatingFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True)
        )
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)


def _formatter(settings: LogSettings, stage: str, owner: str) -> logging.Formatter:
    if settings.format == "text":
        return _Text()
    from pythonjsonlogger.json import JsonFormatter

    class _Json(JsonFormatter):
        """One object a line; times are RFC 3339 in UTC."""

        def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
            at = datetime.fromtimestamp(record.created, UTC)
            return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    return _Json(
        ["asctime", "levelname", "name", "message"],
        rename_fields={
            "asctime": "timestamp",
            "levelname": "level",
            "name": "logger",
            "message": "event",
            "exc_info": "exception",
        },
        defaults={"stage": stage, "owner": owner or f"{socket.gethostname()}:{os.getpid()}"},
        json_ensure_ascii=False,
    )


def _spelled(secrets: Collection[str]) -> set[str]:
    """Each secret as it stands in a text, in a Python text and in JSON, and in one within another."""
    found = {secret for secret in secrets if len(secret) >= LEAST_SECRET}
    for _ in range(2):
        for text in tuple(found):
            found |= {repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return found
