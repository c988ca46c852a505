"""What the parts log -> the folder's log file, and what a person must see on standard error."""

import logging
import sys
from logging.handlers import RotatingFileHandler

from flows.home import Home

FILE_BYTES, FILES_KEPT = 10 * 1024 * 1024, 3
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Facts(logging.Formatter):
    """A line an event: when, how grave, where, what, and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value!r}" for name, value in vars(record).items() if name not in _KNOWN)
        line = (
            f"{self.formatTime(record)} {record.levelname.lower()} {record.name} {record.getMessage()} {facts}".rstrip()
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_to(home: Home, *, verbose: bool) -> None:
    """Has everything from `info` on written into the folder, and errors (with `verbose` all) on standard error."""
    root = logging.getLogger("tocsin")
    root.setLevel(logging.INFO)
    root.handlers.clear()
    home.prepare()
    file = RotatingFileHandler(
        home.path / "tocsin.log", maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True
    )
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel(logging.INFO if verbose else logging.ERROR)
    for handler in (file, screen):
        handler.setFormatter(_Facts())
        root.addHandler(handler)
