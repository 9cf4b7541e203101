"""Referrals as Partner Center sends them, of invented companies and people."""

OURS = "cccccccc-0001-4000-8000-000000000001"
REFERRAL_ID = "aaaaaaaa-0001-4000-8000-000000000001"
ENGAGEMENT_ID = "eeeeeeee-0001-4000-8000-000000000001"
ETAG = '"84001c9d-0000-0100-0000-6225a63e0000"'


def referral(**changes: object) -> dict[str, object]:
    return {
        "id": REFERRAL_ID,
        "engagementId": ENGAGEMENT_ID,
        "name": "Kestrel Bakeries moves to the cloud ",
        "organizationId": OURS,
        "organizationName": "Fabrikam Partners",
        "externalReferenceId": "",
        "createdDateTime": "2026-02-25T17:54:36.1961744Z",
        "updatedDateTime": "2026-02-25T18:08:51.6353008Z",
        "expirationDateTime": None,
        "status": "Active",
        "substatus": "Accepted",
        "qualification": "SalesQualified",
        "type": "Shared",
        "eTag": ETAG,
        "direction": "Incoming",
        "target": [{"type": "SolutionProfile", "id": "SOL-10001-KBX"}],
        "customerProfile": {
            "name": "Kestrel Bakeries Ltd",
            "size": "",
            "address": {
                "addressLine1": "1 Mill Lane",
                "city": "Leeds",
                "state": None,
                "postalCode": "LS1 1AA",
                "country": "GB",
            },
            "team": [
                {"firstName": "Ada ", "lastName": "Brook", "email": "ada.brook@kestrel.example", "phoneNumber": None}
            ],
            "ids": [{"profileType": "Duns", "id": ""}],
        },
        "consent": {"consentToToShareInfoWithOthers": True, "consentToShareReferralWithMicrosoftSellers": True},
        "details": {
            "notes": None,
            "dealValue": 100000.55,
            "currency": "GBP",
            "closingDateTime": "2026-06-29T23:00:00Z",
            "requirements": {"solutions": [{"id": "SOL-10001-KBX", "name": None, "type": "None"}]},
        },
        "team": None,
        "inviteContext": {"assistanceRequestCode": "Unknown", "invitedBy": {"organizationId": OURS}},
        "trackingInfo": {"microsoftMsxId": None},
        "registrations": [],
        **changes,
    }
