"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "chunks",
        sa.Column("chunk", sa.LargeBinary(length=32), nullable=False),
        sa.Column("pack", sa.LargeBinary(length=32), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("stored_bytes", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("codec", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("chunk"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "file_sets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("layers", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "projects",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("defaults_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "pipelines",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("imports", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project"],
            ["projects.name"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("project", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "repos",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project"],
            ["projects.name"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("project", "name", "type"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "branches",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("repo", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("head", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("trigger", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo"],
            ["repos.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("repo", "name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "commits",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("repo", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("branch_name", sa.String(), nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("parent", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finishing_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("size_bytes_upper_bound", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("base_root", sa.String(), nullable=True),
        sa.Column("root", sa.String(), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo"],
            ["repos.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("repo", "id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("commits", schema=None) as batch_op:
        batch_op.create_index("commits_id", ["id"], unique=False)
        batch_op.create_index("commits_parent", ["parent"], unique=False)
        batch_op.create_index("commits_unfinished", ["finished_at"], unique=False)

    op.create_table(
        "jobs",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("pipeline", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("output_commit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("meta_commit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("restart", sa.Integer(), nullable=False),
        sa.Column("data_total", sa.BigInteger(), nullable=False),
        sa.Column("data_processed", sa.BigInteger(), nullable=False),
        sa.Column("data_skipped", sa.BigInteger(), nullable=False),
        sa.Column("data_failed", sa.BigInteger(), nullable=False),
        sa.Column("data_recovered", sa.BigInteger(), nullable=False),
        sa.Column("stats", sa.JSON(), nullable=False),
        sa.Column("runners", sa.JSON(), nullable=False),
        sa.Column("datums", sa.String(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline"],
            ["pipelines.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("pipeline", "id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("jobs_id", ["id"], unique=False)
        batch_op.create_index("jobs_output_commit", ["output_commit"], unique=False)
        batch_op.create_index("jobs_state", ["state"], unique=False)

    op.create_table(
        "pipeline_versions",
        sa.Column("pipeline", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("spec_commit", sa.String(length=32), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("user_spec_json", sa.Text(), nullable=False),
        sa.Column("effective_spec_json", sa.Text(), nullable=False),
        sa.Column("spec_json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline"],
            ["pipelines.key"],
        ),
        sa.PrimaryKeyConstraint("pipeline", "version"),
    )
    op.create_table(
        "branch_provenance",
        sa.Column("branch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("upstream", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("never", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["branch"],
            ["branches.key"],
        ),
        sa.ForeignKeyConstraint(
            ["upstream"],
            ["branches.key"],
        ),
        sa.PrimaryKeyConstraint("branch", "upstream"),
    )
    with op.batch_alter_table("branch_provenance", schema=None) as batch_op:
        batch_op.create_index("branch_provenance_upstream", ["upstream"], unique=False)

    op.create_table(
        "commit_layers",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("commit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["commit"],
            ["commits.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("commit_layers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_commit_layers_commit"), ["commit"], unique=False)

    op.create_table(
        "commit_provenance",
        sa.Column("commit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("upstream", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["commit"],
            ["commits.key"],
        ),
        sa.ForeignKeyConstraint(
            ["upstream"],
            ["commits.key"],
        ),
        sa.PrimaryKeyConstraint("commit", "upstream"),
    )
    with op.batch_alter_table("commit_provenance", schema=None) as batch_op:
        batch_op.create_index("commit_provenance_upstream", ["upstream"], unique=False)

    op.create_table(
        "datum_sets",
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("datums", sa.String(), nullable=False),
        sa.Column("logs", sa.String(), nullable=False),
        sa.Column("log_lines", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job"],
            ["jobs.key"],
        ),
        sa.PrimaryKeyConstraint("job", "index"),
    )
