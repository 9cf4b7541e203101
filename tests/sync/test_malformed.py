"""A value which nobody understands is left alone and told; the rest of the deal goes on."""

import json

import pytest

from cosell.domain.ids import ReferralId
from cosell.sync.look import document_of
from cosell.sync.outcome import Result
from tests.sync.doors import look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import CLOSING, DEAL_VALUE, PairInStep, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import Document, Stand


async def partner_center_says(pair: PairInStep, **details: object) -> None:
    """Let Partner Center answer with details which its own checks would never let in."""
    document = await pair.referral()
    body = {**document, "eTag": f'"{len(json.dumps(details))}"', "details": {**document["details"], **details}}
    rule = {"method": "GET", "path": f"/referrals/{pair.referral_id}$", "action": {"status": 200, "body": body}}
    await pair.stand.control("PUT", "faults", [rule])


@pytest.mark.parametrize(
    ("details", "parked"),
    [
        ({"dealValue": "about 60,000"}, "Deal value"),
        ({"dealValue": {"amount": 5}}, "Deal value"),
        ({"dealValue": 10**40}, "Deal value"),
        ({"dealValue": 61000, "currency": "XTS"}, "Deal value"),
        ({"closingDateTime": "soon"}, "Closing date"),
        ({"closingDateTime": "2031-02-30T00:00:00Z"}, "Closing date"),
        ({"closingDateTime": 20310331}, "Closing date"),
    ],
)
async def test_field_that_is_not_understood_is_parked_and_the_others_arrive(
    stand: Stand, details: Document, parked: str
) -> None:
    pair = await shared_pair(stand)
    await partner_center_says(pair, **details, notes="They decided.")

    outcome = await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert outcome.result is Result.WRITTEN
    assert row["description"] == "They decided."
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (48000, "2031-03-31")
    assert row["name"].startswith("✖")
    assert sum(line.startswith(f"{parked} was left alone") for line in lines_of(row)) == 1
    fate = Fate()
    await pair.look_from_partner_center(fate)
    assert fate.calls(*WRITES) == []


async def test_parked_field_comes_back_when_it_is_understood_again(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await partner_center_says(pair, dealValue="about 60,000")
    await pair.look_from_partner_center()
    await stand.control("DELETE", "faults")

    await stand.colleague_edits(pair.referral_id, {DEAL_VALUE: 60000, CLOSING: "2031-05-01T00:00:00Z"})
    await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (60000, "2031-05-01")
    assert row["name"] == "✔ Ordering system"


async def test_invitation_with_values_nobody_understands_arrives_all_the_same(stand: Stand) -> None:
    referral_id = await stand.microsoft_invites(name="Half of a deal")
    document = await stand.referral(referral_id)
    odd = {**document["details"], "dealValue": "NaN", "closingDateTime": "31/03/2031"}
    customer = {**document["customerProfile"], "address": {"postalCode": 80331, "country": "DE"}}
    body = {**document, "createdDateTime": "yesterday", "details": odd, "customerProfile": customer}
    rule = {"method": "GET", "path": f"/referrals/{referral_id}$", "action": {"status": 200, "body": body}}
    await stand.control("PUT", "faults", [rule])

    async with stand.run() as workspace:
        await look_at_referral(workspace, referral_id)

    (row,) = await stand.opportunities()
    (account,) = (await stand.crm("GET", "accounts?$select=address1_postalcode"))["value"]
    assert row["name"] == "✖ Half of a deal"
    assert (row["estimatedvalue"], row["estimatedclosedate"]) == (None, None)
    assert account["address1_postalcode"] == "80331"
    assert {"Deal value was left alone", "Closing date was left alone"} <= {
        line.partition(":")[0] for line in lines_of(row)
    }


async def test_odd_referral_keeps_its_place_in_a_listing(stand: Stand) -> None:
    pair = await shared_pair(stand)
    document = await pair.referral()
    odd = {**document, "details": {**document["details"], "dealValue": "plenty"}}
    page = {"status": 200, "body": {"value": [odd]}}
    await stand.control("PUT", "faults", [{"method": "GET", "path": "/referrals$", "action": page}])

    async with stand.run() as workspace:
        listed = [item async for page in workspace.partner_center.iter_referrals() for item in page]

    assert [item.id for item in listed] == [ReferralId(pair.referral_id)]
    details = document_of(listed[0])["details"]
    assert isinstance(details, dict)
    assert details["dealValue"] == "plenty"
