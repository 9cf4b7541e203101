"""Links know when something has to be told about them although nothing moves: the next reminder of a deadline."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give links the time of their next reminder, with an index to find those which are due."""
    op.add_column("cosell_links", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_cosell_links_remind_at", "cosell_links", ["tenant", "remind_at"])
