"""The ledger knows the CRM's rows of solutions: of one that is deleted, change tracking tells nothing but its id."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make a table of rows with the opportunity of each."""
    op.create_table(
        "cosell_solution_rows",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("opportunity_id", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "row_id", name="pk_cosell_solution_rows"),
    )
    op.create_index("ix_cosell_solution_rows_opportunity_id", "cosell_solution_rows", ["tenant", "opportunity_id"])
