"""A command that writes -> the folder's owner, asked over the desk's HTTP interface with the token in the folder."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from flows.home import Home, Owner, owner_of
from ingest.verdict import Abort, Reject

TIMEOUT_SECONDS = 60.0


def owner_to_ask(home: Home) -> Owner | None:
    """The process that owns the folder and answers; None where nobody does, so that the command may take the lock."""
    owner = owner_of(home)
    return owner if owner is not None and owner.desk else None


def ask(owner: Owner, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the owner answers to a POST.

    Raises: Reject with the owner's own words if it refuses; Abort if it cannot be reached.
    """
    request = urllib.request.Request(  # noqa: S310 - the address is the owner's own, on this machine
        owner.desk.rstrip("/") + path,
        data=json.dumps(body or {}).encode(),
        headers={"Authorization": f"Bearer {owner.token}", "Content-Type": "application/json"},
        method="POST",
    )
    # Without the environment's proxies: the owner is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            said: dict[str, Any] = json.loads(answer.read() or b"{}")
            return said
    except urllib.error.HTTPError as error:
        raise Reject(_words(error)) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Abort(
            f"process {owner.pid} owns the folder and does not answer at {owner.desk}: {error}; end it, then try again"
        ) from error


def _words(error: urllib.error.HTTPError) -> str:
    text = error.read().decode("utf-8", "replace").strip()
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text or f"the owner of the folder answers {error.code}"
