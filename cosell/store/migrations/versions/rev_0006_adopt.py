"""The ledger remembers what Microsoft's connector has left behind: its pairs, and how long they have differed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make a table of pairs which were looked at or taken over, and one of the fields in which they differ."""
    op.create_table(
        "cosell_adopted_pairs",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("referral_id", sa.String(), nullable=False),
        sa.Column("opportunity_id", sa.String(), nullable=False),
        sa.Column("base", sa.JSON(), nullable=False),
        sa.Column("audit_mark", sa.String(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_id", sa.String(), nullable=True),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "referral_id", name="pk_cosell_adopted_pairs"),
    )
    op.create_table(
        "cosell_differences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("referral_id", sa.String(), nullable=False),
        sa.Column("opportunity_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("snapshots", sa.JSON(), nullable=False),
        sa.Column("was_synced", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_count", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cosell_differences"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cosell_differences_referral_id", "cosell_differences", ["tenant", "referral_id", "ended_at"])
    op.create_index("ix_cosell_differences_ended_at", "cosell_differences", ["tenant", "ended_at"])
