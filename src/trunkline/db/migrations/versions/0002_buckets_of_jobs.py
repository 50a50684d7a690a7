"""Tables by key that jobs leave for their successors, and indexes for pages of jobs and pipelines."""

import sqlalchemy as sa
from alembic import op

revision = "0002_buckets"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("jobs") as batch_op:
        batch_op.add_column(sa.Column("buckets", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("jobs") as batch_op:
        batch_op.drop_column("buckets")
