"""First loads: the plan which a person confirmed, and how far each of its records has come."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of plans and of their items."""
    op.create_table(
        "cosell_backfills",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "plan_id", name="pk_cosell_backfills"),
    )
    op.create_table(
        "cosell_backfill_items",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "plan_id", "kind", "record_id", name="pk_cosell_backfill_items"),
    )
    op.create_index("ix_cosell_backfill_items_state", "cosell_backfill_items", ["tenant", "plan_id", "state"])
