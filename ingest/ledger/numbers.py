"""Tables whose rows are numbered -> the last number that was given, also to rows that are gone: none is given twice."""

from collections.abc import Mapping

from sqlalchemy import Column, Connection, func, select, text

from ingest.ledger.ordering import shared
from ingest.ledger.tables import metadata


def numbered() -> dict[str, "Column[int]"]:
    """table -> the column that numbers its rows."""
    found = {}
    for name, table in metadata.tables.items():
        column = table.autoincrement_column
        if column is not None and column.autoincrement is True:
            found[name] = column
    return found


def last(connection: Connection) -> dict[str, int]:
    """table -> the last number that was given, 0 where none was."""
    kept = _kept(connection)
    found = {}
    for name, column in numbered().items():
        highest = connection.execute(select(func.max(column))).scalar() or 0
        found[name] = max(highest, kept.get(name, 0))
    return found


def go_on_after(connection: Connection, given: Mapping[str, int]) -> None:
    """Has the next row of each table numbered after the last."""
    for name, column in numbered().items():
        highest = connection.execute(select(func.max(column))).scalar() or 0
        number = max(highest, given.get(name, 0))
        if shared(connection):
            query = text("SELECT setval(pg_get_serial_sequence(:table, :column), :number, :called)")
            values = {"table": name, "column": column.name, "number": max(number, 1), "called": number > 0}
            connection.execute(query, values)
        elif column.table.dialect_options["sqlite"]["autoincrement"]:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
            values = {"name": name, "number": number}
            connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), values)


def _kept(connection: Connection) -> dict[str, int]:
    """What the database remembers of each table."""
    if not shared(connection):
        return {row.name: row.seq for row in connection.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    query = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :column)::regclass)")
    return {
        name: connection.execute(query, {"table": name, "column": column.name}).scalar() or 0
        for name, column in numbered().items()
    }
