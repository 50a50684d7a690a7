"""Tables by key that jobs leave for their successors, and indexes for pages of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("jobs") as batch_op:
        batch_op.add_column(sa.Column("buckets", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.create_index("jobs_created_at", ["created_at", "key"], unique=False)
        batch_op.create_index("jobs_of_pipeline", ["pipeline", "created_at", "key"], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("jobs") as batch_op:
        batch_op.drop_index("jobs_of_pipeline")
        batch_op.drop_index("jobs_created_at")
        batch_op.drop_column("buckets")
