"""Alembic's entrance: runs the revisions on the connection which `cosell.store.migrate` has locked."""

from alembic import context

from cosell.store.migrate import VERSION_TABLE
from cosell.store.tables import metadata


def run_revisions() -> None:
    """Run what is missing, within the transaction that is already open."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic loads this file under a name of its own; imported as a module of the package it does nothing.
if __name__ == "env_py":
    run_revisions()
