"""What a referral is to us: a deal, Microsoft's copy of one, or a lead, and of which kind."""

import pytest

from cosell.partner_center import Referral
from cosell.sync.sort import Arrival, LeadKind, find_lead_kind, is_for_information, sort_referral

OURS = "6f2a0c51-0000-4000-8000-000000000001"


def referral(
    *, type_: str, qualification: str | None, invited_by: str | None, call_to_action: str | None = None
) -> Referral:
    return Referral.model_validate(
        {
            "id": "0b000000-0000-4000-8000-000000000001",
            "organizationId": OURS,
            "type": type_,
            "qualification": qualification,
            "callToAction": call_to_action,
            "inviteContext": {"invitedBy": {"organizationId": invited_by}},
        }
    )


@pytest.mark.parametrize(
    ("type_", "qualification", "invited_by", "kind"),
    [
        ("Independent", "Direct", "msft", LeadKind.MARKETPLACE),
        ("independent", "direct", None, LeadKind.MARKETPLACE),
        ("Independent", "Direct", OURS, None),
        ("Independent", "SalesQualified", "MSFT", LeadKind.QUALIFIED),
        ("Independent", "MarketingQualified", "msft", LeadKind.QUALIFIED),
        ("Independent", "SalesQualified", OURS, None),
        ("Independent", "SalesQualified", None, None),
        ("Independent", "None", "msft", None),
        ("Independent", None, None, None),
        ("Shared", "SalesQualified", "msft", None),
        ("Shared", "Direct", "msft", None),
    ],
)
def test_kind_of_a_lead_follows_from_type_qualification_and_who_invited(
    type_: str, qualification: str | None, invited_by: str | None, kind: LeadKind | None
) -> None:
    found = referral(type_=type_, qualification=qualification, invited_by=invited_by)

    assert find_lead_kind(found) is kind
    assert sort_referral(found) is (Arrival.DEAL if kind is None else Arrival.LEAD)


def test_microsofts_copy_is_no_lead_whatever_it_says() -> None:
    copy = referral(type_="Independent", qualification="SalesQualified", invited_by="msft")
    copy = copy.model_copy(update={"organization_id": "msft"})

    assert sort_referral(copy) is Arrival.MICROSOFTS_COPY


@pytest.mark.parametrize(
    ("qualification", "call_to_action", "expected"),
    [
        ("Direct", "Contact me", False),
        ("Direct", "ContactMe", False),
        ("Direct", None, False),
        ("Direct", "Get it now", True),
        ("Direct", "Free trial", True),
        ("Direct", "Test drive", True),
        ("Direct", "Something new", True),
        ("MarketingQualified", "Get it now", False),
    ],
)
def test_only_a_customer_who_asked_to_be_contacted_waits_for_an_answer(
    qualification: str, call_to_action: str | None, *, expected: bool
) -> None:
    found = referral(type_="Independent", qualification=qualification, invited_by="msft", call_to_action=call_to_action)
    assert is_for_information(found) is expected
