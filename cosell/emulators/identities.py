"""Who exists in the emulated Microsoft: one partner tenant, its two apps and its people, all of them invented.

The values are fixed so that a script may rely on them; none of them opens anything outside of an emulator.
"""

from dataclasses import dataclass

TENANT_ID = "3c9d6b1e-52f7-4a0b-8e64-17d2f05a9c38"
TENANT_DOMAIN = "contoso-partner.example"

CRM_CLIENT_ID = "5e0f2a76-93b4-4d1c-a8e5-6b7c2d91f034"
CRM_CLIENT_SECRET = "emulated-crm-secret"  # noqa: S105 - opens nothing
PARTNER_CLIENT_ID = "a41b7c0d-2e68-4f95-b3d7-80c5e1f6294a"
PARTNER_CLIENT_SECRET = "emulated-partner-secret"  # noqa: S105 - opens nothing
REFRESH_TOKEN = "0.emulated-refresh-token-of-the-referrals-admin"  # noqa: S105 - opens nothing

ORGANIZATION_ID = "d27a8e14-6c3b-4b59-9f02-e5718a40cb63"
ORGANIZATION_NAME = "Contoso Partner"
LOCATION_ID = "1234567"

MICROSOFT_ID = "msft"
MICROSOFT_NAME = "Microsoft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the partner's who can sign in; `role` is the one in Partner Center."""

    user: str
    first_name: str
    last_name: str
    role: str


ADMIN = Person(user=f"referrals.admin@{TENANT_DOMAIN}", first_name="Noor", last_name="Haddad", role="referrals_admin")
SELLER = Person(user=f"seller@{TENANT_DOMAIN}", first_name="Sasha", last_name="Verma", role="referrals_user")
MANAGER = Person(user=f"manager@{TENANT_DOMAIN}", first_name="Marit", last_name="Okonjo", role="referrals_user")
OUTSIDER = Person(user=f"accounting@{TENANT_DOMAIN}", first_name="Pavel", last_name="Lind", role="none")
PEOPLE = (ADMIN, SELLER, MANAGER, OUTSIDER)
