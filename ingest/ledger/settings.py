"""Where the ledger stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSettings:
    """A file in the folder, or a PostgreSQL server where `url` names one."""

    url: str = ""  # postgresql://user@host:5432/database; empty: ledger.db in the folder
    password: str = ""  # beside the URL, so that it may come from a file
    connections: int = 12  # of one process, at most
    wait_seconds: float = 300.0  # how long a server that is away is waited for before a process gives up
