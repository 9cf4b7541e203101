"""When a record is said to have changed, as its notification says: what tells an echo from news without a look."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; hints which wait already do not say."""
    op.add_column("cosell_inbox", sa.Column("changed_at", sa.DateTime(timezone=True)))
