"""Text columns on PostgreSQL -> ordered by their bytes, as SQLite orders them: a listing is the same on both."""

from sqlalchemy import Connection, text

from ingest.ledger.tables import metadata
from ingest.verdict import Abort

# Capital letters stand before small ones in bytes, and in no language's own order.
_BY_BYTES = text("SELECT 'B' < 'a' AND 'Z' < 'b'")
_OTHERWISE = text("""
    SELECT columns.table_name, columns.column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text')
    AND collation_name IS DISTINCT FROM 'C' ORDER BY 1, 2
""")
_ENCODING = text("SHOW server_encoding")


def shared(connection: Connection) -> bool:
    """Whether the ledger stands on a server."""
    return connection.dialect.name == "postgresql"


def mend(connection: Connection) -> None:
    """Has every text column of our tables ordered by bytes, whatever the database's own order is.

    Raises: Abort if the database cannot hold all of Unicode.
    """
    if not shared(connection):
        return
    _check_encoding(connection)
    for table, columns in _otherwise(connection).items():
        quoted = connection.dialect.identifier_preparer.quote
        changes = ", ".join(f'ALTER COLUMN {quoted(name)} TYPE VARCHAR COLLATE "C"' for name in columns)
        connection.execute(text(f"ALTER TABLE {quoted(table)} {changes}"))


def check(connection: Connection) -> None:
    """Raises: Abort if a listing would come in another order, or the database cannot hold all of Unicode."""
    if not shared(connection):
        return
    _check_encoding(connection)
    if found := _otherwise(connection):
        some = ", ".join(sorted(found))
        raise Abort(f"the ledger orders text otherwise than by bytes (in {some}): run `tocsin ledger upgrade`")


def _otherwise(connection: Connection) -> dict[str, list[str]]:
    """table -> its columns that are ordered otherwise."""
    if connection.execute(_BY_BYTES).scalar():
        return {}
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(_OTHERWISE):
        if table in metadata.tables:
            found.setdefault(table, []).append(column)
    return found


def _check_encoding(connection: Connection) -> None:
    encoding = connection.execute(_ENCODING).scalar()
    if encoding != "UTF8":
        raise Abort(f"the ledger's database has the encoding {encoding}: create it with ENCODING 'UTF8'")
