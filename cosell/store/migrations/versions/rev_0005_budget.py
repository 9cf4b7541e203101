"""The limits of the services are shared by all processes: one row for each account of a service."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table in which requests are booked."""
    op.create_table(
        "cosell_budgets",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("booked", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_cosell_budgets"),
    )
