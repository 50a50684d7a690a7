"""Spouts and services: what kind a pipeline is, its long-running processes, and what they print."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.add_column("pipelines", sa.Column("type", sa.Integer(), nullable=False, server_default="1"))
    op.create_table(
        "residents",
        sa.Column("pipeline", _ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=True),
        sa.Column("next_start_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["pipeline"], ["pipelines.key"]),
        sa.PrimaryKeyConstraint("pipeline", "number"),
    )
    op.create_table(
        "resident_logs",
        sa.Column("key", _ID, autoincrement=True, nullable=False),
        sa.Column("pipeline", _ID, nullable=False),
        sa.Column("first_line", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("object", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["pipeline"], ["pipelines.key"]),
        sa.PrimaryKeyConstraint("key"),
        sqlite_autoincrement=True,
    )
    op.create_index("resident_logs_pipeline", "resident_logs", ["pipeline", "first_line"])
