"""What rows began to point at since the last garbage collection, noted by the database itself."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("commits", "root"),
    ("commits", "base_root"),
    ("commit_layers", "layer"),
    ("jobs", "datums"),
    ("datum_sets", "layer"),
    ("datum_sets", "datums"),
)
_LISTS = (("file_sets", "layers"), ("jobs", "buckets"))


def upgrade() -> None:
    """Apply. Triggers, so that no statement can name a root without a note."""
    op.create_table(
        "named_roots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for table, column in _COLUMNS:
        _note(table, column, f"SELECT NEW.{column} WHERE NEW.{column} <> ''")
    for table, column in _LISTS:
        _note(table, column, f"SELECT value FROM json_each(NEW.{column}) WHERE value <> ''")  # noqa: S608 - names of this file


def _note(table: str, column: str, roots: str) -> None:
    note = f"BEGIN INSERT INTO named_roots (root) {roots}; END"
    op.execute(f"CREATE TRIGGER {table}_{column}_inserted AFTER INSERT ON {table} {note}")
    op.execute(
        f"CREATE TRIGGER {table}_{column}_updated AFTER UPDATE OF {column} ON {table} "
        f"WHEN NEW.{column} IS NOT OLD.{column} {note}"
    )


def downgrade() -> None:
    """Undo."""
    for table, column in (*_COLUMNS, *_LISTS):
        op.execute(f"DROP TRIGGER {table}_{column}_inserted")
        op.execute(f"DROP TRIGGER {table}_{column}_updated")
    op.drop_table("named_roots")
