from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from cosell.domain.ids import EngagementId
from cosell.mapping.fields import read_referral
from cosell.mapping.loader import load_mappings
from cosell.mapping.parties import read_first_contact, read_party_document
from cosell.mapping.variables import Variables
from cosell.sync.deal import Deal, agreed_after_creation, spell_microsofts_copy, spell_referral
from tests.codes import CODES
from tests.unit.sync.deals import ASKS_FOR_HELP, READY, without

MAPPINGS = Variables().fill_in(load_mappings())
ENGAGEMENT = EngagementId("0e000000-0000-4000-8000-000000000001")


def own(deal: Deal = READY) -> dict[str, Any]:
    return spell_referral(deal, MAPPINGS)


def microsofts(deal: Deal = ASKS_FOR_HELP) -> dict[str, Any]:
    return spell_microsofts_copy(deal, MAPPINGS, engagement_id=ENGAGEMENT)


def test_private_deal_is_independent_and_seen_by_nobody() -> None:
    body = own()
    assert body["type"] == "Independent"
    assert body["target"] == []
    assert body["consent"]["consentToShareReferralWithMicrosoftSellers"] is False
    assert body["consent"]["consentToToShareInfoWithOthers"] is True, "without it creation is refused"
    assert "inviteContext" not in body


def test_visible_deal_is_targeted_at_its_solutions() -> None:
    body = own(replace(READY, is_visible=True))
    assert body["type"] == "Independent"
    assert body["target"] == [{"type": "SolutionProfile", "id": "SOL-10001-ABC"}]
    assert body["consent"]["consentToShareReferralWithMicrosoftSellers"] is True


def test_help_implies_visibility() -> None:
    body = own(replace(ASKS_FOR_HELP, is_visible=False))
    assert body["type"] == "Shared"
    assert body["consent"]["consentToShareReferralWithMicrosoftSellers"] is True
    assert body["target"]


def test_referral_carries_the_crm_id_and_no_status() -> None:
    body = own()
    assert body["externalReferenceId"] == READY.opportunity_id
    assert not {"status", "substatus", "engagementId"} & set(body)


def test_details_are_spelled_as_partner_center_does() -> None:
    details = own()["details"]
    assert details["dealValue"] == Decimal("50000.00")
    assert details["currency"] == "EUR"
    assert details["closingDateTime"] == "2027-03-31T00:00:00Z"
    assert details["notes"] == "They want it before spring."
    assert details["requirements"]["solutions"] == [
        {"id": "SOL-10001-ABC", "name": "Suite", "type": "Name", "publisherName": "Partner", "solutionType": "3P"}
    ]


def test_purchase_intent_is_always_there_because_creation_wants_it() -> None:
    def attributes(body: Mapping[str, Any]) -> object:
        return body["details"]["requirements"]["additionalRequirements"]["attributes"]

    assert attributes(own()) == [{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided"}]
    assert attributes(own(replace(READY, purchase_intent="Yes"))) == [
        {"type": "CustomerMarketplaceIntent", "id": "Yes"}
    ]


def test_customer_contact_and_team_are_spelled_by_the_mapping() -> None:
    body = own()
    profile = body["customerProfile"]
    assert profile["name"] == "Wingtip Toys"
    assert profile["address"]["postalCode"] == "24103"
    assert profile["team"][0]["email"] == "ines@wingtip.example"
    assert body["team"][0]["lastName"] == "Berg"
    assert own(replace(READY, contact={}))["customerProfile"]["team"] == []


def test_country_is_sent_in_capitals() -> None:
    body = own(replace(READY, customer={**READY.customer, "country": "de"}))
    assert body["customerProfile"]["address"]["country"] == "DE"


def test_microsofts_copy_is_addressed_to_microsoft_in_our_engagement() -> None:
    body = microsofts()
    assert body["engagementId"] == ENGAGEMENT
    assert body["target"] == [{"type": "BusinessProfileLocation", "id": "msft"}]
    assert body["inviteContext"] == {
        "notes": "They want it before spring.",
        "assistanceRequestCode": "ProofOfConceptOrDemo",
    }
    assert "externalReferenceId" not in body, "one engagement, one opportunity"


def test_microsofts_copy_says_the_same_deal_as_our_own() -> None:
    ours, theirs = own(ASKS_FOR_HELP), microsofts()
    for part in ("name", "qualification", "type", "customerProfile", "consent", "details", "team"):
        assert theirs[part] == ours[part]


def test_two_bodies_share_no_list_which_one_could_change() -> None:
    first = microsofts()
    first["target"][0]["id"] = "other"
    assert microsofts()["target"][0]["id"] == "msft"


def test_what_was_spelled_is_read_back_as_the_same() -> None:
    body = own() | {"id": "0b000000-0000-4000-8000-000000000001"}
    reading = read_referral(
        body,
        MAPPINGS.opportunity,
        codes=CODES,
        link_template="https://p.example/{id}",
    )
    agreed = agreed_after_creation(READY)
    assert {name: reading.snapshot[name] for name in agreed} == dict(agreed)
    assert read_party_document(body, MAPPINGS.account)["city"] == "Kiel"
    assert read_first_contact(body, MAPPINGS.contact) == {**READY.contact, "title": None}


def test_base_after_creation_holds_only_what_was_sent() -> None:
    deal = without(microsoft_crm_id="typed by hand", referral_link="https://old.example")
    assert set(agreed_after_creation(deal)) == {"name", "deal_value", "closing_date", "notes", "crm_id"}
    assert "notes" not in agreed_after_creation(without(notes=None))
