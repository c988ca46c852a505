"""Alembic's entry -> the ledger's tables brought to the newest version, inside the caller's transaction."""

from alembic import context

from ingest.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
