"""First tables: links, inbox, marks, leases, dead letters, conflicts, journal, activations, vault, meta."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LINK = (["tenant", "link_id"], ["cosell_links.tenant", "cosell_links.link_id"])


def upgrade() -> None:
    """Make all tables."""
    _create_links()
    _create_inbox()
    _create_marks_and_leases()
    _create_dead_letters()
    _create_conflicts_and_journal()
    _create_small_tables()


def _create_links() -> None:
    op.create_table(
        "cosell_links",
        _words("tenant"),
        _words("link_id"),
        _words("state"),
        _maybe_words("referral_id"),
        _maybe_words("engagement_id"),
        _maybe_words("opportunity_id"),
        _maybe_words("referral_etag"),
        _maybe_words("opportunity_etag"),
        sa.Column("base", sa.JSON(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        _maybe_time("synced_at"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("tenant", "link_id", name="pk_cosell_links"),
        sa.UniqueConstraint("tenant", "referral_id", name="uq_cosell_links_referral_id"),
        sa.UniqueConstraint("tenant", "opportunity_id", name="uq_cosell_links_opportunity_id"),
    )
    op.create_index("ix_cosell_links_engagement_id", "cosell_links", ["tenant", "engagement_id"])


def _create_inbox() -> None:
    op.create_table(
        "cosell_inbox",
        sa.Column("id", _SERIAL, nullable=False),
        _words("tenant"),
        _words("kind"),
        _words("record_id"),
        _words("door"),
        _maybe_words("etag"),
        _time("received_at"),
        _time("due_at"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("hint_count", sa.Integer(), nullable=False),
        _maybe_words("claim_id"),
        _maybe_words("claimed_by"),
        _maybe_time("claimed_until"),
        sa.PrimaryKeyConstraint("id", name="pk_cosell_inbox"),
        sqlite_autoincrement=True,
    )
    for name, condition in (("waiting", "claim_id IS NULL"), ("claimed", "claim_id IS NOT NULL")):
        op.create_index(
            f"uq_cosell_inbox_{name}",
            "cosell_inbox",
            ["tenant", "kind", "record_id"],
            unique=True,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_index("ix_cosell_inbox_due_at", "cosell_inbox", ["tenant", "kind", "due_at", "id"])


def _create_marks_and_leases() -> None:
    op.create_table(
        "cosell_delta_links",
        _words("tenant"),
        _words("name"),
        sa.Column("link", sa.Text(), nullable=False),
        _words("select_hash"),
        _time("saved_at"),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_cosell_delta_links"),
    )
    op.create_table(
        "cosell_watermarks",
        _words("tenant"),
        _words("name"),
        _time("at"),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_cosell_watermarks"),
    )
    op.create_table(
        "cosell_leases",
        _words("tenant"),
        _words("key"),
        _words("holder"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_cosell_leases"),
    )


def _create_dead_letters() -> None:
    op.create_table(
        "cosell_dead_letters",
        _words("tenant"),
        _words("dead_letter_id"),
        _words("kind"),
        _words("record_id"),
        _words("flow"),
        _words("cause"),
        sa.Column("message", sa.Text(), nullable=False),
        _maybe_words("request_id"),
        sa.Column("count", sa.Integer(), nullable=False),
        _time("first_at"),
        _time("last_at"),
        _words("state"),
        _maybe_time("settled_at"),
        _maybe_words("settled_by"),
        sa.PrimaryKeyConstraint("tenant", "dead_letter_id", name="pk_cosell_dead_letters"),
        sa.UniqueConstraint("tenant", "kind", "record_id", name="uq_cosell_dead_letters_record_id"),
    )
    op.create_index("ix_cosell_dead_letters_state", "cosell_dead_letters", ["tenant", "state", "last_at"])


def _create_conflicts_and_journal() -> None:
    op.create_table(
        "cosell_conflicts",
        _words("tenant"),
        _words("conflict_id"),
        _words("link_id"),
        _words("field"),
        _maybe_words("winner"),
        sa.Column("snapshots", sa.JSON(), nullable=False),
        _time("found_at"),
        _words("state"),
        _maybe_words("chosen"),
        _maybe_time("resolved_at"),
        sa.PrimaryKeyConstraint("tenant", "conflict_id", name="pk_cosell_conflicts"),
        sa.ForeignKeyConstraint(*_LINK, name="fk_cosell_conflicts_cosell_links"),
    )
    op.create_index("ix_cosell_conflicts_link_id", "cosell_conflicts", ["tenant", "link_id", "state"])
    op.create_index("ix_cosell_conflicts_state", "cosell_conflicts", ["tenant", "state", "found_at"])
    op.create_table(
        "cosell_journal",
        sa.Column("id", _SERIAL, nullable=False),
        _words("tenant"),
        _time("at"),
        _words("link_id"),
        _maybe_words("side"),
        _maybe_words("field"),
        sa.Column("snapshots", sa.JSON(), nullable=False),
        _words("rule"),
        _maybe_words("flow_run_id"),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cosell_journal"),
        sa.ForeignKeyConstraint(*_LINK, name="fk_cosell_journal_cosell_links"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cosell_journal_link_id", "cosell_journal", ["tenant", "link_id", "id"])


def _create_small_tables() -> None:
    op.create_table(
        "cosell_activations",
        _words("tenant"),
        _words("flow"),
        sa.Column("detail", sa.Text(), nullable=False),
        _time("activated_at"),
        sa.PrimaryKeyConstraint("tenant", "flow", name="pk_cosell_activations"),
    )
    op.create_table(
        "cosell_vault",
        _words("tenant"),
        _words("name"),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        _time("saved_at"),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_cosell_vault"),
    )
    op.create_table(
        "cosell_meta",
        _words("tenant"),
        _words("key"),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_cosell_meta"),
    )


def _words(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _maybe_words(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=True)


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _maybe_time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)
