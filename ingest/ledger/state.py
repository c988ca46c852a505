"""A ledger -> how it stands, for people and for the doctor."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, text

from ingest.ledger.leases import standing
from ingest.ledger.ledger import Ledger
from ingest.ledger.migrate import version
from ingest.ledger.ordering import shared
from ingest.ledger.tables import metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a ledger stands at one moment."""

    name: str  # the file or the server
    version: str
    rows: dict[str, int]  # by table
    bytes: int  # on the disk
    leases: dict[str, str]  # name -> the process that holds it, or held it last
    server: str = ""  # the version of PostgreSQL; empty for a file
    standby: bool = False  # it takes no writes
    connections: int = 0  # of all its processes now
    most_connections: int = 0  # that the server takes, of anybody
    skew_seconds: float = 0.0  # by which the server's clock is ahead of this machine's


def state(ledger: Ledger) -> State:
    """How the ledger stands now."""
    with ledger.read() as connection:
        rows = {name: _count(connection, name) for name in metadata.tables}
        return State(
            name=ledger.name,
            version=version(connection) or "",
            rows=rows,
            bytes=connection.execute(text(_SERVER_BYTES if shared(connection) else _FILE_BYTES)).scalar_one(),
            leases={name: holder for name, (holder, _) in standing(connection).items()},
            **(_server(connection) if shared(connection) else {}),
            skew_seconds=ledger.skew_seconds(),
        )


_FILE_BYTES = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
_SERVER_BYTES = "SELECT pg_database_size(current_database())"
_SERVER = text("""
    SELECT current_setting('server_version') AS server,
        pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS standby,
        (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'tocsin') AS connections,
        current_setting('max_connections')::int AS most_connections
""")


def _count(connection: Connection, name: str) -> int:
    return connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one()


def _server(connection: Connection) -> dict[str, Any]:
    return dict(connection.execute(_SERVER).one()._mapping)
