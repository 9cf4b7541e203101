"""POST /v1.0/engagements/referrals."""

import re
from typing import Any

import pytest

from cosell.emulators import identities
from tests.emulators.stand import REFERRALS, Json, Stand, code_of, invitation_of, own_referral, person


async def test_a_posted_referral_is_active_at_once_whatever_was_posted(stand: Stand) -> None:
    referral = await stand.created(own_referral(status="New", substatus="Pending"))

    assert (referral["status"], referral["substatus"]) == ("Active", "Accepted")
    assert referral["organizationId"] == identities.ORGANIZATION_ID
    assert referral["inviteContext"]["invitedBy"]["organizationId"] == identities.ORGANIZATION_ID
    assert referral["direction"] == "Incoming"
    assert referral["eTag"].startswith('"')
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", referral["createdDateTime"])
    assert referral["acceptedDateTime"] < referral["createdDateTime"]


async def test_links_follow_the_address_of_the_request_and_leave_the_guid_unquoted(stand: Stand) -> None:
    referral = await stand.created()

    related = referral["links"]["relatedReferrals"]["uri"]
    assert referral["links"]["self"]["uri"] == f"{REFERRALS}/{referral['id']}"
    assert related == f"{REFERRALS}?$filter=engagementId eq {referral['engagementId']}"
    assert len((await stand.http.get(related)).json()["value"]) == 1


async def test_links_follow_a_proxy(stand: Stand) -> None:
    referral = await stand.created()
    token = await stand.sign_in(audience="https://pc.proxy.example")
    proxied = {**token, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "pc.proxy.example"}

    answer = await stand.http.get(f"{REFERRALS}/{referral['id']}", headers=proxied)

    assert answer.json()["links"]["self"]["uri"].startswith("https://pc.proxy.example/v1.0/engagements/referrals/")


async def test_member_names_are_taken_in_any_case(stand: Stand) -> None:
    body = own_referral()
    body["Consent"] = {"ConsentToToShareInfoWithOthers": True, "CONSENTTOCONTACT": True}
    del body["consent"]

    referral = await stand.created(body)

    assert referral["consent"]["consentToToShareInfoWithOthers"] is True


async def test_members_nobody_sent_are_null_or_missing_as_in_real_answers(stand: Stand) -> None:
    referral = await stand.created()

    assert referral["statusReason"] is None
    assert referral["trackingInfo"]["microsoftMsxId"] is None
    assert referral["customerProfile"]["address"]["region"] is None
    assert "offers" not in referral["details"]["requirements"]


async def test_inviting_microsoft_makes_its_copy_in_the_same_engagement(stand: Stand) -> None:
    own = await stand.created()

    invitation = await stand.created(invitation_of(own))

    assert (invitation["status"], invitation["substatus"]) == ("New", "Pending")
    assert invitation["organizationId"] == "msft"
    assert invitation["engagementId"] == own["engagementId"]
    assert invitation["externalReferenceId"] is None
    assert set(await stand.copies(own["engagementId"])) == {identities.ORGANIZATION_ID, "msft"}


@pytest.mark.parametrize("name", ["type", "customerProfile", "consent", "details", "name"])
async def test_a_member_that_is_required_and_missing_is_refused(stand: Stand, name: str) -> None:
    body = own_referral()
    del body[name]

    answer = await stand.http.post(REFERRALS, json=body)

    assert code_of(answer) == (400, "invalidRequest", "missingMember")
    assert answer.json()["error"]["target"] == name
    assert await stand.violated() == ["missingMember"]


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("details/dealValue", None, "missingMember"),
        ("details/dealValue", 0, "invalidValue"),
        ("details/dealValue", -5, "invalidValue"),
        ("details/dealValue", "a lot", "invalidValue"),
        ("details/currency", None, "missingMember"),
        ("details/currency", "Euro", "invalidValue"),
        ("details/closingDateTime", None, "missingMember"),
        ("details/closingDateTime", "next week", "invalidValue"),
        ("details/requirements/solutions", [], "invalidValue"),
        ("details/requirements/solutions", [{"type": "Brand", "id": "SOL-1"}], "invalidValue"),
        ("details/requirements/additionalRequirements", None, "missingMember"),
        ("customerProfile/address/country", "Germany", "invalidValue"),
        ("customerProfile/address/country", "", "missingMember"),
        ("customerProfile/size", "huge", "invalidValue"),
        ("consent/consentToToShareInfoWithOthers", False, "consentMissing"),
        ("team", [], "invalidValue"),
        ("team", [{"firstName": "Milo"}], "invalidValue"),
        ("type", "Secret", "invalidValue"),
        ("qualification", "Hot", "invalidValue"),
        ("target", [{"type": "Planet", "id": "x"}], "invalidValue"),
        ("salesStage", "33", "invalidValue"),
        ("inviteContext", {"assistanceRequestCode": "ProofOfConceptOrDemo"}, "helpOnOwnCopy"),
    ],
)
async def test_a_value_the_service_does_not_take_is_refused(stand: Stand, path: str, value: Json, rule: str) -> None:
    body = own_referral()
    *way, last = path.split("/")
    holder = body
    for name in way:
        holder = holder[name]
    holder[last] = value

    answer = await stand.http.post(REFERRALS, json=body)

    assert code_of(answer) == (400, "invalidRequest", rule)
    assert await stand.violated() == [rule]


async def test_notes_may_be_empty_as_in_real_deals(stand: Stand) -> None:
    body = own_referral()
    body["details"]["notes"] = None

    assert (await stand.created(body))["details"]["notes"] is None


async def test_an_invitation_without_an_engagement_is_refused(stand: Stand) -> None:
    own = await stand.created()
    body = invitation_of(own)
    del body["engagementId"]

    assert code_of(await stand.http.post(REFERRALS, json=body)) == (400, "invalidRequest", "engagementMissing")


async def test_an_engagement_nobody_knows_is_not_found(stand: Stand) -> None:
    body = own_referral(engagementId="11111111-2222-4333-8444-555555555555")

    assert code_of(await stand.http.post(REFERRALS, json=body)) == (404, "itemNotFound", "unknownEngagement")


async def test_microsoft_cannot_be_invited_twice(stand: Stand) -> None:
    own = await stand.created()
    await stand.created(invitation_of(own))

    answer = await stand.http.post(REFERRALS, json=invitation_of(own))

    assert code_of(answer) == (409, "nameAlreadyExists", "secondCopy")


async def test_a_closed_deal_cannot_be_shared(stand: Stand) -> None:
    own = await stand.created()
    await stand.patch(own["id"], {"/status": "Closed", "/substatus": "Lost"})

    answer = await stand.http.post(REFERRALS, json=invitation_of(own))

    assert code_of(answer) == (400, "invalidRequest", "closedReferral")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"inviteContext": {"assistanceRequestCode": "Unknown"}}, "helpMissing"),
        ({"inviteContext": {"assistanceRequestCode": "Coffee"}}, "invalidValue"),
        ({"consent": {"consentToToShareInfoWithOthers": True}}, "helpNeedsVisibility"),
    ],
)
async def test_help_has_its_rules(stand: Stand, changes: dict[str, Any], rule: str) -> None:
    own = await stand.created()

    answer = await stand.http.post(REFERRALS, json=invitation_of(own, **changes))

    assert code_of(answer) == (400, "invalidRequest", rule)


async def test_help_needs_a_customer_contact_one_can_call(stand: Stand) -> None:
    own = await stand.created()
    body = invitation_of(own)
    body["customerProfile"]["team"] = [person("Tove", "", "tove@northwind-bakeries.example")]

    assert code_of(await stand.http.post(REFERRALS, json=body)) == (400, "invalidRequest", "contactMissing")


async def test_a_second_referral_for_one_crm_id_is_created_but_noted(stand: Stand) -> None:
    await stand.created()
    await stand.created()

    assert await stand.violated() == ["secondReferral"]


async def test_a_mark_that_travels_along_in_the_name_is_noted(stand: Stand) -> None:
    await stand.created(own_referral(name="✔ Northwind Bakeries @ Contoso Suite"))

    assert await stand.violated() == ["markInName"]


async def test_a_body_that_is_no_json_is_refused(stand: Stand) -> None:
    json_type = {"Content-Type": "application/json"}

    for text in (b"{", b'{"name": "\\ud800"}', b'{"target": [null]}'):
        assert code_of(await stand.http.post(REFERRALS, content=text, headers=json_type))[0] == 400
    assert code_of(await stand.http.post(REFERRALS, content=b"[]", headers=json_type))[0] == 400
    assert code_of(await stand.http.post(REFERRALS, content=b"a=b"))[0] == 415
    assert code_of(await stand.http.post(REFERRALS, content=b" " * 1_000_001, headers=json_type))[0] == 413
