"""What PostgreSQL says when it cannot go on -> the verdict, with what to do."""

import re
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
_SAID = {  # psycopg gives no SQLSTATE where the connection was never made
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "is not permitted to log in": "28000",
    "permission denied": "42501",
    "too many clients": "53300",
    "too many connections": "53300",
    "remaining connection slots": "53300",
    "the database system is": "57P03",
}
_MISSING = re.compile(r'(role|database) "[^"]*" does not exist')


@contextmanager
def told(server: str) -> Iterator[None]:
    """Raises: Abort where a person has to do something; Retry where it may go better a little later.

    A Retry says that nothing is half done. Where the connection was lost during COMMIT, nobody can say on this side
    whether all of it was done or none: whoever tries again finds out from the rows, as after a crash.
    """
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
    said = str(error.orig)
    code = getattr(error.orig, "sqlstate", None) or _guessed(said)
    for key in (code, code[:2]):
        if key in _STOP:
            return Abort(f"the ledger {server} {_STOP[key]}")
        if key in _WAIT:
            return Retry(f"the ledger {server} {_WAIT[key]}")
    if error.connection_invalidated or not code:
        return Retry(f"the ledger {server} cannot be reached ({_reason(said)}); is it running?")
    return None


def _guessed(said: str) -> str:
    if found := _MISSING.search(said):
        return "28000" if found[1] == "role" else "3D000"
    return next((code for words, code in _SAID.items() if words in said), "")


def _reason(said: str) -> str:
    """The server's or the system's own words, on one line and without the address, which is told already.

    >>> _reason('connection failed: connection to server at "10.0.0.1", port 5432 failed: Connection refused')
    'Connection refused'
    """
    return " ".join(said.splitlines()[0].rpartition(" failed: ")[2].split())[:200] if said.strip() else "no answer"
