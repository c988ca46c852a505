"""A password -> its hash, and back to whether it is the one. The door of argon2."""

import functools
import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ingest.verdict import Retry
from search.people.person import PeopleError

SHORTEST, LONGEST = 12, 1_000
AT_ONCE = 2  # each takes 64 MiB
WAIT_SECONDS = 5.0

_hasher = PasswordHasher()  # RFC 9106, second recommended option; the library raises it as machines grow
_turns = threading.BoundedSemaphore(AT_ONCE)


def check_password(password: str, name: str) -> None:
    """Raises: PeopleError if `password` is not one for the person of that name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PeopleError(f"a password has {SHORTEST} to {LONGEST} characters; four words in a row are a good one")
    if len(set(password)) < SHORTEST // 3:
        raise PeopleError("this password repeats the same few characters; four words in a row are a good one")
    if name.casefold() in password.casefold() and len(password) - len(name) < SHORTEST // 2:
        raise PeopleError("a password is not one's name")


def hashed(password: str) -> str:
    """What is kept of a password."""
    with _Turn():
        return _hasher.hash(_plain(password))


def verified(kept: str, password: str) -> bool:
    """Whether `password` is the one that was kept. As much work where nothing was kept: the answer is then no."""
    with _Turn():
        try:
            return _hasher.verify(kept or _nobody(), _plain(password[:LONGEST])) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether a hash was made with parameters that are not ours any more."""
    return _hasher.check_needs_rehash(kept)


class _Turn:
    """Waits for a turn, so that many who sign in at once do not fill the memory."""

    def __enter__(self) -> None:
        if not _turns.acquire(timeout=WAIT_SECONDS):
            raise Retry("too many people sign in at this moment: try again in some seconds")

    def __exit__(self, *_: object) -> None:
        _turns.release()


@functools.cache
def _nobody() -> str:
    """The hash of a password that nobody knows."""
    return _hasher.hash(secrets.token_urlsafe(32))


def _plain(password: str) -> str:
    # The same letters from another keyboard are the same password (RFC 8265).
    return unicodedata.normalize("NFC", password)
