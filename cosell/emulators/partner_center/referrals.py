"""Where referrals are kept: one row per copy, the document as JSON beside the columns that listings look at."""

import json
import secrets
from datetime import UTC, datetime
from typing import Any

from cosell.emulators.world import Store

Document = dict[str, Any]

_TABLES = (
    "CREATE TABLE IF NOT EXISTS pc_referrals (id TEXT PRIMARY KEY, organization_id TEXT NOT NULL,"
    " engagement_id TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, status TEXT NOT NULL,"
    " substatus TEXT NOT NULL, qualification TEXT, type TEXT, direction TEXT, country TEXT, external_reference TEXT,"
    " expires_at TEXT, document TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pc_team (referral_id TEXT NOT NULL, email TEXT NOT NULL COLLATE NOCASE,"
    " PRIMARY KEY (referral_id, email)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS pc_by_created ON pc_referrals (organization_id, created_at, id)",
    "CREATE INDEX IF NOT EXISTS pc_by_updated ON pc_referrals (organization_id, updated_at, id)",
    "CREATE INDEX IF NOT EXISTS pc_by_status ON pc_referrals (organization_id, status, created_at, id)",
    "CREATE INDEX IF NOT EXISTS pc_by_engagement ON pc_referrals (engagement_id)",
    "CREATE INDEX IF NOT EXISTS pc_by_reference ON pc_referrals (external_reference)",
    "CREATE INDEX IF NOT EXISTS pc_by_expiry ON pc_referrals (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS pc_team_by_email ON pc_team (email, referral_id)",
)
_INSERT = "INSERT OR REPLACE INTO pc_referrals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Referrals:
    """All copies of all deals."""

    def __init__(self, store: Store) -> None:
        """Create the tables when they are not there."""
        self._store = store
        for statement in _TABLES:
            store.execute(statement)

    def reset(self) -> None:
        """Delete every referral."""
        self._store.execute("DELETE FROM pc_referrals")
        self._store.execute("DELETE FROM pc_team")

    def find(self, referral_id: str) -> Document | None:
        """Return one copy."""
        row = self._store.execute("SELECT document FROM pc_referrals WHERE id = ?", (referral_id.lower(),)).fetchone()
        return json.loads(row["document"]) if row else None

    def in_engagement(self, engagement_id: str) -> list[Document]:
        """Return all copies of one deal, oldest first."""
        rows = self._store.execute(
            "SELECT document FROM pc_referrals WHERE engagement_id = ? ORDER BY created_at, id",
            (engagement_id.lower(),),
        )
        return [json.loads(row["document"]) for row in rows]

    def with_reference(self, external_reference: str, organization_id: str) -> list[str]:
        """Return the ids of an organization's copies which carry this id of its CRM."""
        rows = self._store.execute(
            "SELECT id FROM pc_referrals WHERE external_reference = ? AND organization_id = ?",
            (external_reference, organization_id),
        )
        return [row["id"] for row in rows]

    def due_to_expire(self, now: datetime) -> list[str]:
        """Return the ids of unanswered copies whose time to answer is over."""
        rows = self._store.execute("SELECT id FROM pc_referrals WHERE expires_at <= ?", (stamp(now),))
        return [row["id"] for row in rows]

    def save(self, document: Document) -> None:
        """Write one copy, new or changed."""
        with self._store.transaction():
            self._store.execute(_INSERT, _row(document))
            self._store.execute("DELETE FROM pc_team WHERE referral_id = ?", (document["id"],))
            self._store.executemany("INSERT OR IGNORE INTO pc_team VALUES (?, ?)", _team(document))

    def save_all(self, documents: list[Document]) -> None:
        """Write many new copies at once."""
        with self._store.transaction():
            self._store.executemany(_INSERT, [_row(document) for document in documents])
            members = [row for document in documents for row in _team(document)]
            self._store.executemany("INSERT OR IGNORE INTO pc_team VALUES (?, ?)", members)

    def count(self) -> int:
        """Return how many copies there are."""
        return int(self._store.execute("SELECT count(*) FROM pc_referrals").fetchone()[0])


def stamp(moment: datetime) -> str:
    """Write a time as the service does: UTC, seven digits of a second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}{moment.microsecond * 7 % 10}Z"


def new_etag(moment: datetime) -> str:
    """Make an eTag like the service's, its quotes included."""
    return f'"{secrets.token_hex(4)}-0000-0100-0000-{int(moment.timestamp()):08x}0000"'


def rendered(text: str, origin: str) -> str:
    """Add the links to a stored document without parsing it. The engagement's GUID is unquoted, as in real answers."""
    # The two ids lead every stored document, written by `stored_text`.
    referral_id, engagement_id = text[7:43], text[61:97]
    base = f"{origin}/v1.0/engagements/referrals"
    links = {
        "relatedReferrals": {"uri": f"{base}?$filter=engagementId eq {engagement_id}", "method": "GET"},
        "self": {"uri": f"{base}/{referral_id}", "method": "GET"},
    }
    return f'{text[:-1]},"links":{json.dumps(links)}}}'


def stored_text(document: Document) -> str:
    """Return a document as it is stored; `rendered` relies on the ids being in front."""
    ids = {"id": document["id"], "engagementId": document["engagementId"]}
    return json.dumps({**ids, **document}, separators=(",", ":"), ensure_ascii=False)


def _row(document: Document) -> tuple[object, ...]:
    address = (document.get("customerProfile") or {}).get("address") or {}
    is_waiting = document["status"] == "New"
    return (
        document["id"],
        document["organizationId"],
        document["engagementId"],
        document["createdDateTime"],
        document["updatedDateTime"],
        document["status"],
        document["substatus"],
        document.get("qualification"),
        document.get("type"),
        document.get("direction"),
        address.get("country"),
        document.get("externalReferenceId") or None,
        document.get("expirationDateTime") if is_waiting else None,
        stored_text(document),
    )


def _team(document: Document) -> list[tuple[object, ...]]:
    return [(document["id"], member["email"]) for member in document.get("team") or () if member.get("email")]
