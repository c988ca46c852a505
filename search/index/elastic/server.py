"""Settings -> a server that answers, and its errors as verdicts. The door of elasticsearch."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from elastic_transport import ConnectionError as AwayError
from elastic_transport import SerializationError, TlsError, TransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from ingest.verdict import Abort, Retry
from search.index.settings import IndexSettings

OLDEST = 8  # major version
NDJSON = {"content-type": "application/x-ndjson", "accept": "application/json"}
JSON = {"content-type": "application/json", "accept": "application/json"}
FULL = "disk usage exceeded flood-stage watermark"


class TurnedAway(Retry):
    """The server is there and answers 503, mostly for a moment."""


class Refused(Abort):
    """The server understood and said no; nothing was done. Who asked may know better what to do than to stop."""

    def __init__(self, message: str, status: int, kind: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What runs at the address."""

    versions: tuple[str, ...]  # of its nodes, the oldest first
    modules: frozenset[str]  # plugins too


class Server:
    """One connection pool. Safe to share between threads."""

    def __init__(self, settings: IndexSettings) -> None:
        """Connects to nothing yet.

        Raises: Abort if the address or the CA file cannot be used.
        """
        self.settings = settings
        urls = [url.strip() for url in settings.url.split(",") if url.strip()]
        self.where = ", ".join(f"{part.hostname}:{part.port}" for part in map(_split, urls))
        if settings.ca_file and not os.access(settings.ca_file, os.R_OK):
            raise Abort(f"[index] ca_file {settings.ca_file} cannot be read; name the PEM file of your server's CA")
        options: dict[str, Any] = {"ca_certs": str(settings.ca_file)} if settings.ca_file else {}
        if settings.api_key:
            options["api_key"] = settings.api_key
        elif settings.user:
            options["basic_auth"] = (settings.user, settings.password)
        self._client = Elasticsearch(
            urls,
            request_timeout=settings.timeout_seconds,
            max_retries=len(urls) - 1,  # another node; waiting is for the worker
            retry_on_status=(),
            **options,
        )

    def ask(
        self, method: str, path: str, body: object = None, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The answer of the server.

        Raises: Retry where waiting helps, Abort where somebody must do something, Refused where the request is wrong.
        """
        headers = NDJSON if isinstance(body, Sequence) else JSON if body is not None else {"accept": "application/json"}
        try:
            answer = self._client.perform_request(method, path, params=params, headers=headers, body=body)
        except ApiError as error:
            raise self._verdict(error) from error
        except UnsupportedProductError as error:
            raise Abort(
                f"what answers at {self.where} is not Elasticsearch; [index] url names Elasticsearch"
            ) from error
        except TlsError as error:
            raise Abort(
                f"the certificate of {self.where} is not trusted ({_cause(error)}): name its CA in [index] ca_file"
            ) from error
        except SerializationError as error:
            raise Abort(f"what answers at {self.where} is not Elasticsearch: check [index] url") from error
        except AwayError as error:
            raise Retry(f"the index at {self.where} is away ({_cause(error)}); is it running?") from error
        except TransportError as error:
            raise Retry(f"the index at {self.where} did not answer: {_cause(error)}") from error
        return dict(answer.body) if isinstance(answer.body, Mapping) else {}

    def change(
        self, method: str, path: str, body: object = None, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Makes, changes or removes indices, aliases or templates; every node knows of it when it returns.

        Raises: as `ask`; Retry too if the nodes took too long.
        """
        seconds = f"{max(1, round(self.settings.timeout_seconds * 0.9))}s"
        waiting = {"master_timeout": seconds}
        if not path.startswith("/_index_template/"):  # which knows no other
            waiting["timeout"] = seconds
        answer = self.ask(method, path, body, {**(params or {}), **waiting})
        if not answer.get("acknowledged", True):
            raise Retry(f"the nodes of the index at {self.where} are slow to agree on a change; try again")
        return answer

    def ready(self, index: str) -> None:
        """Waits until all of an index can be searched.

        Raises: Retry if that takes too long.
        """
        seconds = max(1, round(self.settings.timeout_seconds * 0.9))
        waiting = {"wait_for_status": "yellow", "timeout": f"{seconds}s"}
        if self.ask("GET", f"/_cluster/health/{index}", params=waiting).get("timed_out"):
            raise Retry(f"{index} at {self.where} is not ready yet")

    def there(self, path: str) -> bool:
        """Whether what a path names exists."""
        try:
            self.ask("GET", path)
        except Refused as error:
            if error.status == 404:
                return False
            raise
        return True

    def about(self) -> About:
        """The versions and modules of its nodes. `GET /` would not do: some distributions do not answer it.

        Raises: Abort if it is too old.
        """
        asked = {"filter_path": "nodes.*.version,nodes.*.modules.name,nodes.*.plugins.name"}
        nodes = self.ask("GET", "/_nodes/plugins", params=asked).get("nodes", {}).values()
        versions = sorted((node["version"] for node in nodes), key=_numbers)
        if not versions:
            raise Retry(f"no node of the index at {self.where} tells its version yet")
        if _numbers(versions[0])[0] < OLDEST:
            raise Abort(self._too_old(f"is Elasticsearch {versions[0]}"))
        parts = (part["name"] for node in nodes for part in (*node.get("modules", ()), *node.get("plugins", ())))
        return About(versions=tuple(dict.fromkeys(versions)), modules=frozenset(parts))

    def analyzers(self) -> tuple[str, ...]:
        """The wanted language analyzers that the server has."""
        return tuple(sorted(name for name in self.settings.analyzers if self._analyses(name)))

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _analyses(self, name: str) -> bool:
        try:
            self.ask("POST", "/_analyze", {"analyzer": name, "text": "a"})
        except Refused:
            return False
        return True

    def _too_old(self, what: str) -> str:
        return f"the index at {self.where} {what}; Tocsin needs Elasticsearch 8 or 9"

    def _verdict(self, error: ApiError) -> Exception:
        kind, reason = told(error.body)
        if error.status_code == 401:
            return Abort(
                f"the index at {self.where} does not accept who asks: set user and password, or api_key, in [index]"
            )
        if error.status_code == 406 or kind == "media_type_header_exception":
            return Abort(self._too_old("does not speak the language of version 8"))
        if kind == "security_exception":
            return Abort(f"the index at {self.where} forbids this: {reason}; give the user or API key that right")
        if kind == "cluster_block_exception":
            return Retry(blocked(self.where, reason))
        if error.status_code == 429:
            return Retry(f"the index at {self.where} is busy: {reason}")
        if error.status_code == 503:
            return TurnedAway(f"the index at {self.where} cannot answer now (503): {reason}")
        if error.status_code >= 500 or error.status_code == 408:
            return Retry(f"the index at {self.where} cannot answer now ({error.status_code}): {reason}")
        return Refused(reason, error.status_code, kind)


def told(body: object) -> tuple[str, str]:
    """The kind of an error and its reason with its innermost cause, in one line."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return "", str(error)[:300]
    reason, cause = str(error.get("reason", "")), error
    while isinstance(cause.get("caused_by"), Mapping):
        cause = cause["caused_by"]
    inner = str(cause.get("reason", ""))
    said = reason if inner in ("", reason) or inner in reason else f"{reason}: {inner}"
    return str(error.get("type", "")), " ".join(said.split())[:500]


def blocked(where: str, reason: str) -> str:
    """What a block on writing means, for people."""
    if FULL in reason:
        return f"the disk of the index at {where} is full: make room there; writing goes on by itself"
    return f"the index at {where} takes no writes now: {reason}"


def _cause(error: Exception) -> str:
    inner = error
    while inner.args and isinstance(inner.args[-1], tuple) and inner.args[-1]:
        inner = inner.args[-1][0]
    return " ".join(str(getattr(inner, "message", inner)).split())[:200]


def _split(url: str) -> Any:
    part = urlsplit(url)
    if part.scheme not in ("http", "https") or not part.hostname or not part.port:
        raise Abort("[index] url: write https://host:9200, several separated by commas, each with its port")
    return part


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split("-")[0].split(".")]
