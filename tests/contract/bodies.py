"""Bodies that the services accept, of invented companies and people."""

from decimal import Decimal

from cosell.partner_center import Referral

OPPORTUNITY_ID = "00000000-0000-4000-8000-0000000000a1"


def own_referral(**changes: object) -> dict[str, object]:
    return {
        "name": "Kestrel Bakeries moves to the cloud",
        "externalReferenceId": OPPORTUNITY_ID,
        "type": "Shared",
        "qualification": "SalesQualified",
        "consent": {
            "consentToToShareInfoWithOthers": True,
            "consentToContact": True,
            "consentToShareReferralWithMicrosoftSellers": True,
        },
        "target": [{"type": "SolutionProfile", "id": "SOL-10001-KBX"}],
        "customerProfile": {
            "name": "Kestrel Bakeries Ltd",
            "size": "51to250employees",
            "address": {"addressLine1": "1 Mill Lane", "city": "Leeds", "postalCode": "LS1 1AA", "country": "GB"},
            "team": [_member("Ada", "Brook", "ada.brook@kestrel.example")],
        },
        "details": {
            "notes": "They asked for a proof of concept.",
            "dealValue": Decimal("25000.50"),
            "currency": "GBP",
            "closingDateTime": "2027-06-30T00:00:00Z",
            "requirements": {
                "solutions": [{"id": "SOL-10001-KBX", "name": "Oven Watch", "type": "Name"}],
                "additionalRequirements": {
                    "attributes": [{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}]
                },
            },
        },
        "team": [_member("Noor", "Castell", "noor.castell@fabrikam.example")],
        **changes,
    }


def microsofts_copy(own: Referral) -> dict[str, object]:
    return own_referral(
        engagementId=own.engagement_id,
        target=[{"type": "BusinessProfileLocation", "id": "msft"}],
        inviteContext={"assistanceRequestCode": "ProofOfConceptOrDemo", "notes": "Please join the demo."},
    )


def _member(first: str, last: str, email: str) -> dict[str, object]:
    return {"firstName": first, "lastName": last, "email": email, "phoneNumber": "+44 113 496 0000"}
