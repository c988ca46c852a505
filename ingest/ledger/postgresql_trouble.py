"""What PostgreSQL says when it cannot go on -> the verdict, with what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ingest.verdict import Abort, Retry

# By SQLSTATE, or its class (PostgreSQL's documentation, Appendix A).
_STOP = {
    "28": "refuses the user or the password: set ledger.url and ledger.password (or ledger.password_file)",
    "3D": "has no such database: create it, then run `tocsin ledger upgrade`",
    "42501": "refuses what the user may not do: make it the owner of the database",
    "53100": "has no room on its disk: make room; nothing that was acknowledged is lost",
    "XX001": "is damaged: stop, and restore it from a backup (`tocsin ledger restore`)",
    "XX002": "is damaged: stop, and restore it from a backup (`tocsin ledger restore`)",
}
_WAIT = {
    "08": "cannot be reached; is it running?",
    "40": "asks for the transaction again",
    "53": "has no room for another connection; raise its max_connections or lower ledger.connections",
    "55P03": "keeps another transaction for long",
    "57": "is being stopped or started",
    "25006": "is a standby that takes no writes now",
}
_MESSAGES = {  # psycopg gives no SQLSTATE where the connection was never made
    "password authentication failed": "28",
    "no password supplied": "28",
    "no pg_hba.conf entry": "28",
    "role": "28",
    "database": "3D",
}


@contextmanager
def told(server: str) -> Iterator[None]:
    """Raises: Abort where a person has to do something; Retry where it may go better a little later."""
    try:
        yield
    except exc.TimeoutError as error:
        raise Retry(f"the ledger {server} has no free connection; raise ledger.connections") from error
    except exc.DBAPIError as error:
        verdict = _verdict(error, server)
        if verdict is None:
            raise
        raise verdict from error


def _verdict(error: exc.DBAPIError, server: str) -> Abort | Retry | None:
    """None where the statement is at fault."""
    code = getattr(error.orig, "sqlstate", None) or _guessed(str(error.orig))
    for key in (code, code[:2]):
        if key in _STOP:
            return Abort(f"the ledger {server} {_STOP[key]}")
        if key in _WAIT:
            return Retry(f"the ledger {server} {_WAIT[key]}")
    if error.connection_invalidated or not code:
        return Retry(f"the ledger {server} {_WAIT['08']}")
    return None


def _guessed(said: str) -> str:
    if "does not exist" in said:
        return next((code for words, code in _MESSAGES.items() if f'{words} "' in said), "")
    return next((code for words, code in _MESSAGES.items() if " " in words and words in said), "")
