"""Values that clients keep by key, and the file sets that they need."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "cache",
        sa.Column("cache_key", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cache_key"),
    )
    op.create_table(
        "cache_file_sets",
        sa.Column("cache_key", sa.String(), nullable=False),
        sa.Column("file_set", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["cache_key"], ["cache.cache_key"]),
        sa.PrimaryKeyConstraint("cache_key", "file_set"),
    )
    op.create_index("cache_file_sets_file_set", "cache_file_sets", ["file_set"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("cache_file_sets")
    op.drop_table("cache")
