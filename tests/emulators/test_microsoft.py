"""Microsoft's sellers, and the fortnight in which an invitation is to be answered."""

from typing import Any

import pytest

from cosell.emulators import identities
from tests.emulators.stand import API, REFERRALS, Stand, invitation_of

_DAY = 86_400
OURS, THEIRS = identities.ORGANIZATION_ID, "msft"


async def _pass_days(stand: Stand, days: float) -> None:
    await stand.control("POST", "clock", {"advance_seconds": days * _DAY})
    stand.http.headers.update(await stand.sign_in())


async def _shared(stand: Stand) -> dict[str, Any]:
    own = await stand.created()
    await stand.created(invitation_of(own))
    return own


async def test_an_invitation_is_a_new_copy_of_ours_beside_microsofts(stand: Stand) -> None:
    inbound = await stand.invited(
        name="Adventure Works @ Contoso Suite",
        dealValue=120000.5,
        currency="EUR",
        closingDateTime="2027-03-01",
        notes="Pilot first.",
        customer={"name": "Adventure Works"},
    )

    copies = await stand.copies(inbound["engagementId"])
    ours = copies[OURS]
    assert (ours["status"], ours["substatus"]) == ("New", "Pending")
    assert ours["inviteContext"]["invitedBy"]["organizationId"] == "msft"
    assert ours["name"] == "Adventure Works @ Contoso Suite"
    assert ours["details"]["dealValue"] == 120000.5
    assert ours["details"]["closingDateTime"] == "2027-03-01T00:00:00Z"
    assert ours["details"]["requirements"]["solutions"][0]["id"] == "SOL-15974-MQF"
    assert ours["customerProfile"]["name"] == "Adventure Works"
    assert ours["customerProfile"]["address"]["country"] == "GB"
    assert ours["expirationDateTime"]
    assert (copies[THEIRS]["status"], copies[THEIRS]["organizationId"]) == ("Active", "msft")
    assert copies[THEIRS]["trackingInfo"]["microsoftMsxId"]


async def test_a_lead_which_microsoft_hands_on_is_a_copy_of_ours_alone(stand: Stand) -> None:
    lead = await stand.invited(type="Independent", qualification="Direct", callToAction="Contact me")

    copies = await stand.copies(lead["engagementId"])
    assert list(copies) == [OURS]
    assert (lead["status"], lead["substatus"], lead["target"]) == ("New", "Pending", [])
    assert (lead["qualification"], lead["callToAction"]) == ("Direct", "Contact me")
    assert lead["inviteContext"]["invitedBy"]["organizationId"] == "msft"
    assert lead["consent"]["consentToShareReferralWithMicrosoftSellers"] is False


async def test_accepting_brings_microsofts_crm_id_into_both_copies(stand: Stand) -> None:
    own = await _shared(stand)

    await stand.control("POST", f"microsoft/referrals/{own['id']}/accept")

    copies = await stand.copies(own["engagementId"])
    assert copies[THEIRS]["substatus"] == "Accepted"
    msx_id = copies[THEIRS]["trackingInfo"]["microsoftMsxId"]
    assert msx_id
    assert copies[OURS]["trackingInfo"]["microsoftMsxId"] == msx_id
    assert copies[OURS]["eTag"] != own["eTag"]


@pytest.mark.parametrize(
    ("actions", "substatus"), [(["decline"], "Declined"), (["accept", "win"], "Won"), (["accept", "lose"], "Lost")]
)
async def test_microsoft_closes_its_copy_and_leaves_ours(stand: Stand, actions: list[str], substatus: str) -> None:
    own = await _shared(stand)

    for action in actions:
        await stand.control("POST", f"microsoft/referrals/{own['id']}/{action}")

    copies = await stand.copies(own["engagementId"])
    assert (copies[THEIRS]["status"], copies[THEIRS]["substatus"]) == ("Closed", substatus)
    assert copies[OURS]["status"] == "Active"


async def test_what_microsoft_cannot_do_is_told(stand: Stand) -> None:
    own = await stand.created()
    act = f"{API}/_emulator/microsoft/referrals"

    assert (await stand.http.post(f"{act}/{own['id']}/accept")).status_code == 404
    assert (await stand.http.post(f"{act}/nobody/accept")).status_code == 404
    await stand.created(invitation_of(own))
    assert (await stand.http.post(f"{act}/{own['id']}/win")).status_code == 409
    assert (await stand.http.post(act, json={"dealValue": "much"})).status_code == 400


async def test_an_invitation_nobody_answers_expires_after_a_fortnight(stand: Stand) -> None:
    inbound = await stand.invited()
    own = await _shared(stand)

    await _pass_days(stand, 13.9)
    assert (await stand.got(inbound["id"]))["status"] == "New"
    await _pass_days(stand, 0.2)

    ours, theirs = await stand.got(inbound["id"]), (await stand.copies(own["engagementId"]))[THEIRS]
    assert (ours["status"], ours["substatus"]) == ("Closed", "Expired")
    assert (theirs["status"], theirs["substatus"]) == ("Closed", "Expired")
    assert (await stand.got(own["id"]))["status"] == "Active"


async def test_an_answered_invitation_does_not_expire(stand: Stand) -> None:
    inbound = await stand.invited()
    await stand.patch(inbound["id"], {"/status": "Active", "/substatus": "Accepted"})

    await _pass_days(stand, 15)

    assert (await stand.got(inbound["id"]))["status"] == "Active"


@pytest.mark.parametrize(("answer", "substatus"), [("accept", "Accepted"), ("decline", "Declined")])
async def test_microsoft_can_be_scripted_to_answer(stand: Stand, answer: str, substatus: str) -> None:
    script = {"microsoft_answer": answer, "microsoft_answer_after_seconds": 60}
    await stand.control("POST", "options", script)
    own = await _shared(stand)

    before = (await stand.copies(own["engagementId"]))[THEIRS]
    await _pass_days(stand, 61 / _DAY)
    after = (await stand.copies(own["engagementId"]))[THEIRS]

    assert (before["substatus"], after["substatus"]) == ("Pending", substatus)


async def test_another_partner_can_be_invited_too(stand: Stand) -> None:
    own = await _shared(stand)
    location = "01e2abcd-52b0-4af3-a3ae-1fd1530b3563"
    body = invitation_of(own, target=[{"type": "BusinessProfileLocation", "id": location}])

    copy = await stand.created(body)

    assert (copy["organizationId"], copy["status"]) == (location, "New")
    assert len((await stand.http.get(REFERRALS)).json()["value"]) == 1
    assert len(await stand.copies(own["engagementId"])) == 3


async def test_microsoft_edits_its_copy_only(stand: Stand) -> None:
    own = await _shared(stand)

    await stand.control("PATCH", f"microsoft/referrals/{own['id']}", {"dealValue": 1, "notes": "Seen."})

    copies = await stand.copies(own["engagementId"])
    assert copies[THEIRS]["details"]["dealValue"] == 1
    assert copies[THEIRS]["details"]["currency"] == "USD"
    assert copies[OURS]["details"]["dealValue"] == 50000
