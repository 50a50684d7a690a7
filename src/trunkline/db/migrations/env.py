"""Runs migrations on the connection that `trunkline.db.engine` hands over."""

from alembic import context

from trunkline.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
