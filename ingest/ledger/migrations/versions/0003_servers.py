"""One process -> several: who may do now what only one may do, and which records have gone to the brokers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    # SQLite keeps the words of a changed table as they were typed: made anew, they are those of a fresh ledger.
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table(
        "records", recreate="always" if on_sqlite else "never", table_kwargs={"sqlite_autoincrement": True}
    ) as records:
        records.add_column(sa.Column("sent", sa.BigInteger(), nullable=True))
    unsent = sa.text("sent IS NULL")
    op.create_index(
        "records_unsent", "records", ["position"], unique=False, sqlite_where=unsent, postgresql_where=unsent
    )
