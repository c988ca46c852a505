"""Settings -> a Kibana that takes saved objects and gives them back, and what it says as verdicts.

On urllib: three requests a command need no connection pool, and no library of HTTP comes with Tocsin but the guarded
fetcher, which is for the public web and keeps away from addresses like Kibana's.
"""

import base64
import json
import secrets
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from ingest.verdict import Abort, Reject, Retry
from search.kibana.objects import TYPES, SavedObject, import_file
from search.kibana.settings import DEFAULT_SPACE, KibanaSettings

OLDEST = (8, 19)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of an import."""

    count: int
    errors: tuple[str, ...]  # a sentence for each object that was not taken, and for each warning
    moved: tuple[str, ...]  # objects that stand under another id there, a sentence each


class Kibana:
    """One Kibana and one space of it."""

    def __init__(self, settings: KibanaSettings) -> None:
        """Connects to nothing yet.

        Raises: Abort if no address is set, or the CA file cannot be used.
        """
        if not settings.url:
            raise Abort("no Kibana is set: write its address as url in [kibana], or in TOCSIN__KIBANA__URL")
        self._settings = settings
        part = urlsplit(settings.url)
        self.where = f"{part.hostname}:{part.port}" if part.port else str(part.hostname)
        # Without the environment's proxies, and without following redirects: both would send the key elsewhere.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _Stay(), urllib.request.HTTPSHandler(context=_trust(settings))
        )

    def check(self) -> str:
        """The version of Kibana, once it is sure that it can be used and that the space is there.

        Raises: Abort if it is too old, is no Kibana, or lacks the space; Retry if it is away.
        """
        said = _object(self._asked("/api/status"))
        version = said.get("version", {}).get("number", "") if isinstance(said.get("version"), Mapping) else ""
        numbers = [int(part) for part in version.split("-")[0].split(".") if part.isdecimal()]
        if not numbers:
            what = "check url, and api_key or user and password, in [kibana]"
            raise Abort(f"what answers at {self.where} does not say which Kibana it is: {what}")
        if tuple(numbers[:2]) < OLDEST:
            raise Abort(f"Kibana at {self.where} is {version}: Tocsin's objects need 8.19 or newer; upgrade it first")
        space = self._settings.space
        # Kibana itself would put objects into a space that is not there, where nobody finds them.
        if space != DEFAULT_SPACE and self._asked(f"/api/spaces/space/{quote(space)}", missing=True) is None:
            raise Abort(f"Kibana at {self.where} has no space {space!r}: make it there, or set [kibana] space")
        return version

    def put(self, objects: Iterable[SavedObject]) -> Imported:
        """Imports the objects over those that are there.

        Raises: Reject or Abort if nothing was taken at all; Retry if Kibana is away.
        """
        boundary = secrets.token_hex(16)
        body = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file"; filename="tocsin.ndjson"\r\n'
            "Content-Type: application/x-ndjson\r\n\r\n"
            f"{import_file(objects)}\r\n--{boundary}--\r\n"
        )
        kind = f"multipart/form-data; boundary={boundary}"
        said = _object(self._asked(self._saved("_import?overwrite=true"), body.encode(), kind))
        errors = [_failed(one) for one in said.get("errors", [])]
        if not said.get("success") and not errors:
            errors = [f"Kibana says that it failed: {said}"]
        warnings = [f"Kibana warns: {one.get('message', one)}" for one in said.get("warnings", [])]
        moved = [
            f"{one['type']} {one['id']} stands there under the id {one['destinationId']}"
            for one in said.get("successResults", [])
            if one.get("destinationId")
        ]
        return Imported(count=said.get("successCount", 0), errors=(*errors, *warnings), moved=tuple(moved))

    def get(self) -> list[dict[str, Any]]:
        """Every object of the space of the types that Tocsin brings, and all that they refer to.

        Raises: Abort or Reject if Kibana does not give them; Retry if it is away.
        """
        asked = {"type": list(TYPES), "includeReferencesDeep": True, "excludeExportDetails": True}
        answer = self._asked(self._saved("_export"), json.dumps(asked).encode(), "application/json")
        return [_object(line) for line in (answer or b"").splitlines() if line.strip()]

    def _saved(self, what: str) -> str:
        space = self._settings.space
        return f"/api/saved_objects/{what}" if space == DEFAULT_SPACE else f"/s/{space}/api/saved_objects/{what}"

    def _asked(
        self, path: str, body: bytes | None = None, kind: str = "application/json", *, missing: bool = False
    ) -> bytes | None:
        """The answer, None where nothing stands there and it may be `missing`."""
        headers = {"kbn-xsrf": "true", "Content-Type": kind, **self._credentials()}
        url = self._settings.url.rstrip("/") + path
        request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - settings allow http and https
        try:
            with self._opener.open(request, timeout=self._settings.timeout_seconds) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == 404 and missing:
                return None
            raise self._verdict(error) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLError):
                reason = f"({error.reason.reason}): name its CA in [kibana] ca_file"
                raise Abort(f"the connection to Kibana at {self.where} is not trusted {reason}") from error
            raise Retry(f"Kibana at {self.where} is away ({error.reason}); is it running?") from error
        except OSError as error:
            raise Retry(f"Kibana at {self.where} does not answer ({error}); is it running?") from error

    def _credentials(self) -> dict[str, str]:
        if self._settings.api_key:
            return {"Authorization": f"ApiKey {self._settings.api_key}"}
        if not self._settings.user:
            return {}
        pair = f"{self._settings.user}:{self._settings.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def _verdict(self, error: urllib.error.HTTPError) -> Exception:
        said = _said(error)
        if error.code == 401:
            return Abort(
                f"Kibana at {self.where} does not accept who asks: set api_key, or user and password, in [kibana]"
            )
        if error.code == 403:
            right = "give it the Kibana privileges on Saved Objects Management, Discover, Visualize and Dashboard"
            return Abort(f"Kibana at {self.where} forbids it in space {self._settings.space!r} ({said}): {right}")
        if error.code in (301, 302, 303, 307, 308):
            return Abort(
                f"Kibana at {self.where} sends elsewhere: write the address with its base path as [kibana] url"
            )
        if error.code in (429, 502, 503, 504):
            return Retry(f"Kibana at {self.where} is not ready ({error.code}: {said})")
        if error.code == 404:
            return Abort(f"what answers at {self.where} is no Kibana, or has a base path: check [kibana] url")
        return Reject(f"Kibana at {self.where} refuses ({error.code}): {said}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _trust(settings: KibanaSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except OSError as error:
        raise Abort(f"[kibana] ca_file {settings.ca_file} cannot be used ({error}): name a PEM file") from error


def _object(text: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(text or b"")
    except ValueError as error:
        raise Abort("what answers is no Kibana: check [kibana] url") from error
    if not isinstance(found, dict):
        raise Abort("what answers is no Kibana: check [kibana] url")
    return found


def _said(error: urllib.error.HTTPError) -> str:
    text = error.read(20_000).decode("utf-8", "replace")
    try:
        return str(json.loads(text)["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return " ".join(text.split())[:200] or "no reason given"


def _failed(one: Mapping[str, Any]) -> str:
    """A sentence on an object that was not taken."""
    error = one.get("error", {})
    what = f"{one.get('type')} {one.get('id')}"
    match error.get("type"):
        case "conflict":
            return f"{what} is there already under the id {error.get('destinationId', one.get('id'))}"
        case "ambiguous_conflict":
            ids = ", ".join(str(place.get("id")) for place in error.get("destinations", []))
            return f"{what} came into this space more than once ({ids}): delete all but one in Kibana"
        case "missing_references":
            lacking = ", ".join(f"{lack.get('type')} {lack.get('id')}" for lack in error.get("references", []))
            return f"{what} refers to {lacking}, which is not there"
        case "unsupported_type":
            return f"{what}: this Kibana does not know that type"
        case _:
            return f"{what} is refused ({error.get('statusCode', '?')}): {error.get('message', error)}"
