"""PATCH and PUT of a referral: JSON Patch, eTags, the status machine, what is frozen."""

from typing import Any

import pytest

from cosell.emulators import identities
from tests.emulators.stand import REFERRALS, Json, Stand, code_of, invitation_of, own_referral, person


async def test_a_patch_answers_nothing_but_a_new_etag(stand: Stand) -> None:
    own = await stand.created()

    answer = await stand.patch(own["id"], {"/details/dealValue": 60000})

    changed = await stand.got(own["id"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["ETag"] == changed["eTag"] != own["eTag"]
    assert changed["details"]["dealValue"] == 60000
    assert changed["updatedDateTime"] > own["updatedDateTime"]


async def test_a_patch_answers_the_referral_when_asked_to(stand: Stand) -> None:
    own = await stand.created()

    answer = await stand.patch(own["id"], {"/name": "Renamed"}, Prefer="return=representation")

    assert (answer.status_code, answer.json()["name"]) == (200, "Renamed")
    assert answer.headers["Preference-Applied"] == "return=representation"


async def test_a_number_in_quotes_becomes_a_number(stand: Stand) -> None:
    own = await stand.created()

    await stand.patch(own["id"], {"/details/dealValue": "10000"})

    assert (await stand.got(own["id"]))["details"]["dealValue"] == 10000


async def test_without_if_match_the_last_writer_wins(stand: Stand) -> None:
    own = await stand.created()
    await stand.patch(own["id"], {"/name": "First"})

    assert (await stand.patch(own["id"], {"/name": "Second"})).status_code == 204


async def test_a_stale_etag_is_refused_but_breaks_no_rule(stand: Stand) -> None:
    own = await stand.created()
    fresh = await stand.patch(own["id"], {"/name": "First"}, If_Match=own["eTag"])

    answer = await stand.patch(own["id"], {"/name": "Second"}, If_Match=own["eTag"])

    assert fresh.status_code == 204
    assert code_of(answer) == (412, "resourceModified", None)
    assert await stand.violated() == []


async def test_members_are_appended_to_the_team(stand: Stand) -> None:
    own = await stand.created()
    added = [{"op": "add", "path": "/team/-", "value": person("Ines", "Okafor", identities.MANAGER.user)}]

    assert (await stand.patch(own["id"], added)).status_code == 204

    emails = [member["email"] for member in (await stand.got(own["id"]))["team"]]
    assert emails == [identities.SELLER.user, identities.MANAGER.user]


async def test_solutions_and_intent_are_replaced(stand: Stand) -> None:
    own = await stand.created()
    intent = {"type": "CustomerMarketplaceIntent", "id": "Yes"}
    changes = {
        "/details/requirements/solutions": [{"type": "Name", "id": "SOL-34104-EBB"}],
        "/details/requirements/additionalRequirements/attributes": [intent],
    }

    assert (await stand.patch(own["id"], changes)).status_code == 204

    requirements = (await stand.got(own["id"]))["details"]["requirements"]
    assert requirements["solutions"][0]["id"] == "SOL-34104-EBB"
    assert requirements["additionalRequirements"]["attributes"] == [intent]


@pytest.mark.parametrize(
    ("operations", "rule"),
    [
        ([], "malformedPatch"),
        ({"name": "x"}, "malformedPatch"),
        ([{"op": "replace", "path": "/name"}], "malformedPatch"),
        ([{"op": [], "path": "/name", "value": "x"}], "unsupportedOperation"),
        ([{"op": "add", "path": "/team/-", "value": None}], "invalidValue"),
        ([{"op": "replace", "path": "/team", "value": [None]}], "invalidValue"),
        ([{"op": "remove", "path": "/team/0", "value": None}], "unsupportedOperation"),
        ([{"op": "move", "path": "/name", "value": "x"}], "unsupportedOperation"),
        ([{"op": "replace", "path": "/Details/DealValue", "value": 1}], "invalidPath"),
        ([{"op": "replace", "path": "name", "value": "x"}], "invalidPath"),
        ([{"op": "replace", "path": "/details/colour", "value": "red"}], "invalidPath"),
        ([{"op": "replace", "path": "/team/7", "value": {}}], "invalidPath"),
        ([{"op": "replace", "path": "/team/-", "value": {}}], "invalidPath"),
        ([{"op": "replace", "path": "/team", "value": []}], "invalidValue"),
        ([{"op": "replace", "path": "/team", "value": "Milo"}], "invalidValue"),
        ([{"op": "replace", "path": "/details/dealValue", "value": "much"}], "invalidValue"),
        ([{"op": "replace", "path": "/details/dealValue", "value": 0}], "invalidValue"),
        ([{"op": "replace", "path": "/details/closingDateTime", "value": "soon"}], "invalidValue"),
        ([{"op": "replace", "path": "/details/requirements/solutions", "value": []}], "invalidValue"),
        ([{"op": "replace", "path": "/name", "value": " "}], "invalidValue"),
    ],
)
async def test_a_patch_the_service_does_not_take_is_refused(stand: Stand, operations: Json, rule: str) -> None:
    own = await stand.created()

    answer = await stand.http.patch(f"{REFERRALS}/{own['id']}", json=operations)

    assert code_of(answer) == (400, "invalidRequest", rule)
    assert (await stand.got(own["id"]))["eTag"] == own["eTag"]
    assert await stand.violated() == [rule]


async def test_json_patch_has_to_come_as_plain_json(stand: Stand) -> None:
    own = await stand.created()
    headers = {"Content-Type": "application/json-patch+json"}

    answer = await stand.http.patch(f"{REFERRALS}/{own['id']}", content=b"[]", headers=headers)

    assert code_of(answer)[0] == 415


@pytest.mark.parametrize(
    "path",
    [
        "/customerProfile/name",
        "/customerProfile/address/city",
        "/customerProfile/address/country",
        "/mpnId",
        "/engagementId",
        "/organizationId",
        "/qualification",
        "/inviteContext/notes",
        "/inviteContext/assistanceRequestCode",
        "/trackingInfo/microsoftMsxId",
        "/createdDateTime",
        "/eTag",
    ],
)
async def test_frozen_and_server_fields_cannot_be_changed(stand: Stand, path: str) -> None:
    own = await stand.created()

    assert code_of(await stand.patch(own["id"], {path: "GB2"})) == (400, "invalidRequest", "frozenField")


async def test_consent_to_share_contacts_is_frozen(stand: Stand) -> None:
    own = await stand.created()

    answer = await stand.patch(own["id"], {"/consent/consentToToShareInfoWithOthers": False})

    assert code_of(answer) == (400, "invalidRequest", "frozenField")


async def test_a_frozen_field_may_be_sent_as_it_is(stand: Stand) -> None:
    own = await stand.created()

    answer = await stand.patch(own["id"], {"/customerProfile/name": "Northwind Bakeries", "/name": "Renamed"})

    assert answer.status_code == 204


def _private() -> dict[str, Any]:
    body = own_referral(type="Independent", target=[])
    body["consent"]["consentToShareReferralWithMicrosoftSellers"] = False
    return body


async def test_customer_contacts_can_be_changed_until_the_deal_is_shared(stand: Stand) -> None:
    own = await stand.created(_private())
    contacts = {"/customerProfile/team": [person("Rosa", "Bianchi", "rosa@northwind-bakeries.example")]}
    visible = {"/consent/consentToShareReferralWithMicrosoftSellers": True}

    assert (await stand.patch(own["id"], contacts)).status_code == 204
    assert (await stand.patch(own["id"], visible)).status_code == 204

    later: dict[str, Any] = {"/customerProfile/team": []}
    assert code_of(await stand.patch(own["id"], later)) == (400, "invalidRequest", "frozenOnceShared")


async def test_visibility_is_a_one_way_door(stand: Stand) -> None:
    own = await stand.created()

    answer = await stand.patch(own["id"], {"/consent/consentToShareReferralWithMicrosoftSellers": False})

    assert code_of(answer) == (400, "invalidRequest", "visibilityIsFinal")


async def test_an_inbound_referral_is_accepted_and_named_by_the_crm(stand: Stand) -> None:
    inbound = await stand.invited()

    answer = await stand.patch(
        inbound["id"], {"/status": "Active", "/substatus": "Accepted", "/externalReferenceId": "crm-1"}
    )

    accepted = await stand.got(inbound["id"])
    assert answer.status_code == 204
    assert (accepted["status"], accepted["substatus"]) == ("Active", "Accepted")
    assert accepted["acceptedDateTime"]
    assert accepted["expirationDateTime"] is None


async def test_an_inbound_referral_is_declined(stand: Stand) -> None:
    inbound = await stand.invited()

    changes = {"/status": "Closed", "/substatus": "Declined", "/statusReason": "Customer requirement not met"}
    await stand.patch(inbound["id"], changes)

    declined = await stand.got(inbound["id"])
    assert (declined["status"], declined["substatus"]) == ("Closed", "Declined")
    assert declined["closedDateTime"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"/status": "New", "/substatus": "Pending"}, "invalidTransition"),
        ({"/status": "Closed"}, "invalidTransition"),
        ({"/substatus": "Won"}, "invalidTransition"),
        ({"/status": "Active", "/substatus": "Received"}, "invalidTransition"),
        ({"/status": "None", "/substatus": "None"}, "invalidValue"),
        ({"/status": "Closed", "/substatus": "Error"}, "invalidTransition"),
        ({"/status": "Paused", "/substatus": "Accepted"}, "invalidValue"),
    ],
)
async def test_an_active_referral_only_goes_forward(stand: Stand, changes: dict[str, Any], rule: str) -> None:
    own = await stand.created()

    assert code_of(await stand.patch(own["id"], changes)) == (400, "invalidRequest", rule)
    assert await stand.violated() == [rule]


@pytest.mark.parametrize("substatus", ["Won", "Lost"])
async def test_a_closed_referral_takes_no_update(stand: Stand, substatus: str) -> None:
    own = await stand.created()
    await stand.patch(own["id"], {"/status": "Closed", "/substatus": substatus})

    for changes in ({"/name": "Again"}, {"/status": "Active", "/substatus": "Accepted"}, {"/details/notes": ""}):
        assert code_of(await stand.patch(own["id"], changes)) == (400, "invalidRequest", "closedReferral")


async def test_even_an_empty_change_of_a_closed_referral_is_refused(stand: Stand) -> None:
    own = await stand.created()
    await stand.patch(own["id"], {"/status": "Closed", "/substatus": "Lost"})

    assert code_of(await stand.patch(own["id"], {"/name": own["name"]}))[2] == "closedReferral"


async def test_another_organizations_copy_can_be_read_but_not_written(stand: Stand) -> None:
    own = await stand.created()
    invitation = await stand.created(invitation_of(own))

    assert (await stand.got(invitation["id"]))["organizationId"] == "msft"
    assert code_of(await stand.patch(invitation["id"], {"/name": "x"})) == (403, "accessDenied", "foreignCopy")


async def test_put_replaces_what_may_change(stand: Stand) -> None:
    own = await stand.created()
    body = {name: value for name, value in own.items() if name != "links"}
    body["details"]["notes"] = "Put."

    answer = await stand.http.put(f"{REFERRALS}/{own['id']}", json=body, headers={"If-Match": own["eTag"]})

    assert (answer.status_code, answer.json()["details"]["notes"]) == (200, "Put.")


async def test_put_has_its_rules(stand: Stand) -> None:
    own = await stand.created()
    body = {name: value for name, value in own.items() if name != "links"}
    url, fresh = f"{REFERRALS}/{own['id']}", {"If-Match": own["eTag"]}

    assert code_of(await stand.http.put(url, json=body)) == (412, "preconditionFailed", "ifMatchMissing")
    assert code_of(await stand.http.put(url, json=body, headers={"If-Match": '"old"'}))[1] == "resourceModified"
    assert code_of(await stand.http.put(url, json=own, headers=fresh)) == (400, "invalidRequest", "linksInBody")
    body["customerProfile"]["name"] = "Somebody else"
    assert code_of(await stand.http.put(url, json=body, headers=fresh)) == (400, "invalidRequest", "frozenField")


async def test_what_does_not_exist_is_not_found(stand: Stand) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"

    assert code_of(await stand.patch(nowhere, {"/name": "x"})) == (404, "itemNotFound", None)
    assert code_of(await stand.http.get(f"{REFERRALS}/{nowhere}")) == (404, "itemNotFound", None)


async def test_a_referral_cannot_be_deleted(stand: Stand) -> None:
    own = await stand.created()

    answer = await stand.http.delete(f"{REFERRALS}/{own['id']}")

    assert code_of(answer) == (405, "invalidRequest", "methodNotAllowed")
    assert answer.headers["Allow"] == "GET, PATCH, PUT"
