"""Links know their lead: an unaccepted lead is the CRM's side of a referral until it is qualified."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give links a lead, at most one link for each.

    Columns are added and an index is made, nothing more: for a constraint SQLite would have to make the table anew,
    which it refuses as long as the journal refers to it.
    """
    op.add_column("cosell_links", sa.Column("lead_id", sa.String(), nullable=True))
    op.add_column("cosell_links", sa.Column("lead_etag", sa.String(), nullable=True))
    op.create_index("uq_cosell_links_lead_id", "cosell_links", ["tenant", "lead_id"], unique=True)
