"""One folder -> where everything of one Tocsin stands, and the lock that gives it one owner."""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from ingest.verdict import Abort


@dataclass(frozen=True, slots=True)
class Home:
    """The folder's layout. Nothing is made until `Home.own` or `Home.prepare`."""

    path: Path

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.db"

    @property
    def index(self) -> Path:
        return self.path / "index.db"

    @property
    def archive(self) -> Path:
        return self.path / "archive"

    @property
    def settings(self) -> Path:
        return self.path / "tocsin.toml"

    @property
    def owner(self) -> Path:
        return self.path / "owner.json"

    def prepare(self) -> None:
        """Makes the folder, readable by its owner only.

        Raises: Abort if it cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.archive.mkdir(exist_ok=True)
        except OSError as error:
            raise Abort(
                f"cannot use the folder {self.path}: {error.strerror}; give a writable one with --home"
            ) from error


def find_home(given: Path | None, environment: Mapping[str, str]) -> Home:
    """The folder to use: `given`, else TOCSIN_HOME, else the platform's data folder."""
    if given is not None:
        return Home(given.expanduser().absolute())
    named = environment.get("TOCSIN_HOME")
    return Home(Path(named).expanduser().absolute() if named else platformdirs.user_data_path("tocsin", False))


def packs_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Where compiled packs stand, for all folders: TOCSIN_CACHE, else the platform's cache folder. It may be deleted.

    Raises: Abort if it cannot be made.
    """
    named = environment.get("TOCSIN_CACHE")
    folder = Path(named).expanduser().absolute() if named else platformdirs.user_cache_path("tocsin", False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Abort(
            f"cannot use the folder {folder} for compiled packs: {error.strerror}; name a writable one in TOCSIN_CACHE"
        ) from error
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who owns a folder, and how to ask them for work."""

    pid: int
    desk: str  # address of the desk page, empty where there is none
    token: str  # for commands over the desk's HTTP interface


class Ownership:
    """Holds a folder's lock until `release`; the kernel lets go of it when the process dies, however it dies."""

    def __init__(self, home: Home, file: IO[str], token: str) -> None:
        self.home, self.token, self._file = home, token, file

    @classmethod
    def take(cls, home: Home) -> "Ownership":
        """The folder, for this process alone.

        Raises: Abort naming the process that has it.
        """
        home.prepare()
        file = (home.path / "lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            owner = read_owner(home)
            who = f"process {owner.pid}" if owner else "another process"
            raise Abort(
                f"the folder {home.path} is in use by {who}; end that one, or give another folder with --home"
            ) from error
        ownership = cls(home, file, secrets.token_urlsafe(24))
        ownership.announce(desk="")
        return ownership

    def announce(self, *, desk: str) -> None:
        """Tells other commands on this machine where to ask."""
        note = {"pid": os.getpid(), "desk": desk, "token": self.token}
        fresh = self.home.owner.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(note), encoding="utf-8")
        fresh.replace(self.home.owner)

    def release(self) -> None:
        """Lets the folder go."""
        self.home.owner.unlink(missing_ok=True)
        self._file.close()


class Unowned:
    """A folder that no process owns, as its stores stand on servers that several processes share."""

    def __init__(self, home: Home, token: str) -> None:
        self.home, self.token = home, token

    @classmethod
    def take(cls, home: Home) -> "Unowned":
        """The folder, beside other processes.

        Raises: Abort if it cannot be made or written.
        """
        home.prepare()
        return cls(home, secrets.token_urlsafe(24))

    def announce(self, *, desk: str) -> None:
        """Nothing: commands on this machine write to the servers themselves."""

    def release(self) -> None:
        """Nothing: nobody was kept out."""


def read_owner(home: Home) -> Owner | None:
    """Who says they own the folder; None where nobody does or the note cannot be read."""
    try:
        note = json.loads(home.owner.read_text(encoding="utf-8"))
        return Owner(pid=int(note["pid"]), desk=str(note["desk"]), token=str(note["token"]))
    except (OSError, ValueError, KeyError):
        return None


def owner_of(home: Home) -> Owner | None:
    """The process that owns the folder now; a note that a dead one left behind names nobody."""
    try:
        with (home.path / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_owner(home)
    except OSError:
        return None
    return None
