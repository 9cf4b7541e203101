"""The ledger's tables, as SQLAlchemy Core sees them; `migrations/` is what makes them.

Every table but `budgets` has `tenant`, and every name starts with `cosell_`, so that a PostgreSQL database may be
shared with Prefect's. Times are UTC and aware on both databases. Snapshots and other values are plain JSON text, never
queried into.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC; SQLite, which knows no time zones, keeps it as UTC without saying so."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a time into UTC; a naive one is a mistake of ours."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes aware times only")
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say that a time is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


Serial = BigInteger().with_variant(Integer, "sqlite")
"""A counting key; SQLite counts only in INTEGER."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_1_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)

links = Table(
    "cosell_links",
    metadata,
    Column("tenant", String, nullable=False),
    Column("link_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("referral_id", String),
    Column("engagement_id", String),
    Column("opportunity_id", String),
    Column("referral_etag", String),
    Column("opportunity_etag", String),
    Column("base", JSON, nullable=False),
    Column("told", JSON, nullable=False),
    Column("synced_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("lead_id", String),
    Column("lead_etag", String),
    Column("remind_at", UtcTime),
    PrimaryKeyConstraint("tenant", "link_id"),
    UniqueConstraint("tenant", "referral_id", name="uq_cosell_links_referral_id"),
    UniqueConstraint("tenant", "opportunity_id", name="uq_cosell_links_opportunity_id"),
    Index("ix_cosell_links_engagement_id", "tenant", "engagement_id"),
    Index("ix_cosell_links_remind_at", "tenant", "remind_at"),
    Index("uq_cosell_links_lead_id", "tenant", "lead_id", unique=True),
)

inbox = Table(
    "cosell_inbox",
    metadata,
    Column("id", Serial, nullable=False),
    Column("tenant", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("record_id", String, nullable=False),
    Column("door", String, nullable=False),
    Column("etag", String),
    Column("changed_at", UtcTime),
    Column("received_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("hint_count", Integer, nullable=False),
    Column("claim_id", String),
    Column("claimed_by", String),
    Column("claimed_until", UtcTime),
    PrimaryKeyConstraint("id"),
    Index(
        "uq_cosell_inbox_waiting",
        "tenant",
        "kind",
        "record_id",
        unique=True,
        sqlite_where=text("claim_id IS NULL"),
        postgresql_where=text("claim_id IS NULL"),
    ),
    Index(
        "uq_cosell_inbox_claimed",
        "tenant",
        "kind",
        "record_id",
        unique=True,
        sqlite_where=text("claim_id IS NOT NULL"),
        postgresql_where=text("claim_id IS NOT NULL"),
    ),
    Index("ix_cosell_inbox_due_at", "tenant", "kind", "due_at", "id"),
    sqlite_autoincrement=True,
)

delta_links = Table(
    "cosell_delta_links",
    metadata,
    Column("tenant", String, nullable=False),
    Column("name", String, nullable=False),
    Column("link", Text, nullable=False),
    Column("select_hash", String, nullable=False),
    Column("saved_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("tenant", "name"),
)

watermarks = Table(
    "cosell_watermarks",
    metadata,
    Column("tenant", String, nullable=False),
    Column("name", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    PrimaryKeyConstraint("tenant", "name"),
)

leases = Table(
    "cosell_leases",
    metadata,
    Column("tenant", String, nullable=False),
    Column("key", String, nullable=False),
    Column("holder", String, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("tenant", "key"),
)

dead_letters = Table(
    "cosell_dead_letters",
    metadata,
    Column("tenant", String, nullable=False),
    Column("dead_letter_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("record_id", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("request_id", String),
    Column("count", Integer, nullable=False),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("state", String, nullable=False),
    Column("settled_at", UtcTime),
    Column("settled_by", String),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", UtcTime),
    PrimaryKeyConstraint("tenant", "dead_letter_id"),
    UniqueConstraint("tenant", "kind", "record_id", name="uq_cosell_dead_letters_record_id"),
    Index("ix_cosell_dead_letters_state", "tenant", "state", "last_at"),
    Index("ix_cosell_dead_letters_due_at", "tenant", "state", "due_at"),
)

conflicts = Table(
    "cosell_conflicts",
    metadata,
    Column("tenant", String, nullable=False),
    Column("conflict_id", String, nullable=False),
    Column("link_id", String, nullable=False),
    Column("field", String, nullable=False),
    Column("winner", String),
    Column("snapshots", JSON, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    Column("state", String, nullable=False),
    Column("chosen", String),
    Column("resolved_at", UtcTime),
    PrimaryKeyConstraint("tenant", "conflict_id"),
    ForeignKeyConstraint(["tenant", "link_id"], ["cosell_links.tenant", "cosell_links.link_id"]),
    Index("ix_cosell_conflicts_link_id", "tenant", "link_id", "state"),
    Index("ix_cosell_conflicts_state", "tenant", "state", "found_at"),
)

journal = Table(
    "cosell_journal",
    metadata,
    Column("id", Serial, nullable=False),
    Column("tenant", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("link_id", String, nullable=False),
    Column("side", String),
    Column("field", String),
    Column("snapshots", JSON, nullable=False),
    Column("rule", String, nullable=False),
    Column("flow_run_id", String),
    Column("note", Text),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["tenant", "link_id"], ["cosell_links.tenant", "cosell_links.link_id"]),
    Index("ix_cosell_journal_link_id", "tenant", "link_id", "id"),
    sqlite_autoincrement=True,
)

solution_rows = Table(
    "cosell_solution_rows",
    metadata,
    Column("tenant", String, nullable=False),
    Column("row_id", String, nullable=False),
    Column("opportunity_id", String, nullable=False),
    Column("etag", String),
    PrimaryKeyConstraint("tenant", "row_id"),
    Index("ix_cosell_solution_rows_opportunity_id", "tenant", "opportunity_id"),
)

adopted_pairs = Table(
    "cosell_adopted_pairs",
    metadata,
    Column("tenant", String, nullable=False),
    Column("referral_id", String, nullable=False),
    Column("opportunity_id", String, nullable=False),
    Column("base", JSON, nullable=False),
    Column("audit_mark", String),
    Column("seen_at", UtcTime, nullable=False),
    Column("link_id", String),
    Column("adopted_at", UtcTime),
    PrimaryKeyConstraint("tenant", "referral_id"),
)

differences = Table(
    "cosell_differences",
    metadata,
    Column("id", Serial, nullable=False),
    Column("tenant", String, nullable=False),
    Column("referral_id", String, nullable=False),
    Column("opportunity_id", String, nullable=False),
    Column("field", String, nullable=False),
    Column("snapshots", JSON, nullable=False),
    Column("was_synced", Boolean, nullable=False),
    Column("first_seen_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("seen_count", Integer, nullable=False),
    Column("ended_at", UtcTime),
    Column("ended", String),
    PrimaryKeyConstraint("id"),
    Index("ix_cosell_differences_referral_id", "tenant", "referral_id", "ended_at"),
    Index("ix_cosell_differences_ended_at", "tenant", "ended_at"),
    sqlite_autoincrement=True,
)

activations = Table(
    "cosell_activations",
    metadata,
    Column("tenant", String, nullable=False),
    Column("flow", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("activated_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("tenant", "flow"),
)

vault = Table(
    "cosell_vault",
    metadata,
    Column("tenant", String, nullable=False),
    Column("name", String, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("saved_at", UtcTime, nullable=False),
    PrimaryKeyConstraint("tenant", "name"),
)

meta = Table(
    "cosell_meta",
    metadata,
    Column("tenant", String, nullable=False),
    Column("key", String, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "key"),
)

budgets = Table(
    "cosell_budgets",
    metadata,
    Column("account", String, nullable=False),
    Column("booked", JSON, nullable=False),
    PrimaryKeyConstraint("account"),
)

backfills = Table(
    "cosell_backfills",
    metadata,
    Column("tenant", String, nullable=False),
    Column("plan_id", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("state", String, nullable=False),
    Column("planned_at", UtcTime, nullable=False),
    Column("details", JSON, nullable=False),
    PrimaryKeyConstraint("tenant", "plan_id"),
)

backfill_items = Table(
    "cosell_backfill_items",
    metadata,
    Column("tenant", String, nullable=False),
    Column("plan_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("record_id", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String, nullable=False),
    PrimaryKeyConstraint("tenant", "plan_id", "kind", "record_id"),
    Index("ix_cosell_backfill_items_state", "tenant", "plan_id", "state"),
)
