"""Dead letters are tried again by the clock: how often they were, and when they are next."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give dead letters a number of tries and a time; those which are open are due at once, as if just refused."""
    op.add_column("cosell_dead_letters", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("cosell_dead_letters", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE cosell_dead_letters SET due_at = last_at WHERE state = 'open'")
    op.create_index("ix_cosell_dead_letters_due_at", "cosell_dead_letters", ["tenant", "state", "due_at"])
