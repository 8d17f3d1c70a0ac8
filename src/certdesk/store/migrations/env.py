"""Alembic's entry point: migrate over the connection that `certdesk.store.migrate` holds."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
