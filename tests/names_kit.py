"""The compiled register of names for tests: built once on a machine, then mapped by every run."""

import getpass
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from enrich.article import Mention
from enrich.entities.find import find
from enrich.entities.names import Names

SHARED = Path(__file__).parents[2] / "shared"


def names_cache() -> Path:
    """A folder that outlives the run; its file's name holds a hash of the packs, so it is never stale."""
    return Path(tempfile.gettempdir()) / f"tocsin-tests-{getpass.getuser()}" / "names"


@lru_cache(maxsize=1)
def register() -> Names:
    return Names.load(names_cache())


def mentions(text: str, language: str, title: str = "") -> tuple[Mention, ...]:
    return find(title, text, language, register())


def ids(found: Iterable[Mention]) -> dict[str, str]:
    """Surface -> id."""
    return {mention.surface: mention.id for mention in found}
