"""Names for the ids that travel between the two services, so that one is never passed for another."""

import re
from enum import StrEnum
from typing import NewType

ReferralId = NewType("ReferralId", str)
EngagementId = NewType("EngagementId", str)
OpportunityId = NewType("OpportunityId", str)
LeadId = NewType("LeadId", str)
AccountId = NewType("AccountId", str)
ContactId = NewType("ContactId", str)
TenantName = NewType("TenantName", str)

DEFAULT_TENANT = TenantName("default")

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Side(StrEnum):
    """The two sides of the sync."""

    PARTNER_CENTER = "partner_center"
    DATAVERSE = "dataverse"

    @property
    def other(self) -> "Side":
        """The side across."""
        return Side.DATAVERSE if self is Side.PARTNER_CENTER else Side.PARTNER_CENTER


def parse_guid(text: str) -> str:
    """Return `text` as a lower-case GUID without braces; raise ValueError when it is none."""
    guid = text.strip().strip("{}").lower()
    if not _GUID.fullmatch(guid):
        raise ValueError("not a GUID")
    return guid
