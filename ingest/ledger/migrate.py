"""A ledger of any earlier version -> the newest one. The door of alembic."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ingest.verdict import Abort

HEAD = "0001"  # the newest revision in migrations/versions; a test holds it
FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Brings the tables to HEAD within the caller's transaction; does nothing where they are there.

    Raises: Abort if the ledger was written by a newer Tocsin.
    """
    found = version(connection)
    if found == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Abort(f"the ledger has version {found}, this Tocsin knows up to {HEAD}: use the newer Tocsin")
    command.upgrade(config, "head")


def version(connection: Connection) -> str | None:
    """The revision of the tables, None where there are none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
