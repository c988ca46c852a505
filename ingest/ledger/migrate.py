"""A ledger of any earlier version, or an empty file -> the newest version. The door of alembic."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from ingest.ledger import ordering
from ingest.ledger.tables import metadata
from ingest.verdict import Abort

HEAD = "0004"  # the newest revision in migrations/versions; a test holds it
FOLDER = Path(__file__).parent / "migrations"

_stamp = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def upgrade(connection: Connection) -> str | None:
    """Brings the tables to HEAD within the caller's transaction; gives the version that was found.

    Does nothing where they are there. An empty database gets the tables as they are now, as going through every version
    would give the same more slowly.
    Raises: Abort if the ledger was written by a newer Tocsin.
    """
    found = version(connection)
    if found is None:
        metadata.create_all(connection)
        _stamp.create(connection, checkfirst=True)
        connection.execute(_stamp.insert().values(version_num=HEAD))
    elif found != HEAD:
        migrate(connection)
    ordering.mend(connection)
    return found


def migrate(connection: Connection, to: str = "head") -> None:
    """Goes through the versions from the one that was found to `to`, within the caller's transaction.

    Raises: Abort if the ledger was written by a newer Tocsin.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = version(connection)
    if found is not None and found not in known:
        raise Abort(f"the ledger has version {found}, this Tocsin knows up to {HEAD}: use the newer Tocsin")
    command.upgrade(config, to)


def anew(connection: Connection, to: str) -> None:
    """Replaces all tables by empty ones of the version `to`, within the caller's transaction."""
    metadata.drop_all(connection)
    _stamp.drop(connection, checkfirst=True)
    migrate(connection, to)


def check(connection: Connection) -> None:
    """For those who change no tables.

    Raises: Abort if the tables are of another version, or order text in another way.
    """
    found = version(connection)
    if found is not None and found > HEAD:
        raise Abort(f"the ledger has version {found}, this Tocsin knows up to {HEAD}: use the newer Tocsin")
    if found != HEAD:
        asked = "run `tocsin ledger upgrade`" if ordering.shared(connection) else "start `tocsin run` once"
        had = f"has version {found}" if found else "has no tables"
        raise Abort(f"the ledger {had}, this Tocsin reads version {HEAD}: {asked}")
    ordering.check(connection)


def version(connection: Connection) -> str | None:
    """The revision of the tables, None where there are none yet."""
    if not inspect(connection).has_table(_stamp.name):
        return None
    return connection.execute(select(_stamp.c.version_num)).scalar()
