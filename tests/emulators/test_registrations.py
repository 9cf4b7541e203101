"""Deal registration: the last thing a won deal takes."""

from typing import Any

import pytest

from tests.emulators.stand import Json, Stand, code_of, invitation_of, own_referral

_HOURS = 3600


def _registration(stand: Stand, **changes: Json) -> list[dict[str, Any]]:
    value = {
        "type": "AzureIPCoSell",
        "contract": {
            "currency": "USD",
            "value": 60000,
            "term": "Finite",
            "signDateTime": f"{stand.world.clock.now():%Y-%m-%dT00:00:00Z}",
        },
        "solutionDetails": [{"id": "SOL-15974-MQF", "value": 60000, "primaryDeploymentOn": "Customer"}],
        **changes,
    }
    return [{"op": "add", "path": "/registrations/-", "value": value}]


async def _won(stand: Stand, *, hours_open: int = 73, body: dict[str, Any] | None = None) -> dict[str, Any]:
    own = await stand.created(body)
    await stand.control("POST", "clock", {"advance_seconds": hours_open * _HOURS})
    stand.http.headers.update(await stand.sign_in())
    answer = await stand.patch(own["id"], {"/status": "Closed", "/substatus": "Won"})
    assert answer.status_code == 204
    return own


async def test_a_won_deal_is_registered_and_the_registration_changed(stand: Stand) -> None:
    own = await _won(stand)

    assert (await stand.patch(own["id"], _registration(stand))).status_code == 204
    changes = {"/registrations/0/contract/value": 75000, "/registrations/0/solutionDetails/0/value": 70000}
    assert (await stand.patch(own["id"], changes)).status_code == 204

    deal = await stand.got(own["id"])
    assert deal["registrationStatus"] == "ReviewPending"
    assert deal["registrations"][0]["contract"]["value"] == 75000
    assert deal["registrations"][0]["status"] == "ReviewPending"
    assert await stand.violated() == []


async def test_a_deal_that_is_not_won_cannot_be_registered(stand: Stand) -> None:
    own = await stand.created()

    assert code_of(await stand.patch(own["id"], _registration(stand)))[2] == "registrationRefused"


async def test_a_deal_won_within_three_days_cannot_be_registered(stand: Stand) -> None:
    own = await _won(stand, hours_open=71)

    assert code_of(await stand.patch(own["id"], _registration(stand)))[2] == "registrationRefused"


async def test_a_small_or_private_deal_cannot_be_registered(stand: Stand) -> None:
    small, private = own_referral(externalReferenceId=None), own_referral(type="Independent", target=[])
    small["details"]["dealValue"] = 24999
    private["consent"]["consentToShareReferralWithMicrosoftSellers"] = False
    for body in (small, private):
        own = await _won(stand, body=body)
        assert code_of(await stand.patch(own["id"], _registration(stand)))[2] == "registrationRefused"


async def test_microsoft_has_to_accept_first(stand: Stand) -> None:
    own = await stand.created()
    await stand.created(invitation_of(own))
    await stand.control("POST", "clock", {"advance_seconds": 73 * _HOURS})
    stand.http.headers.update(await stand.sign_in())
    await stand.patch(own["id"], {"/status": "Closed", "/substatus": "Won"})

    refused = await stand.patch(own["id"], _registration(stand))
    await stand.control("POST", f"microsoft/referrals/{own['id']}/accept")
    accepted = await stand.patch(own["id"], _registration(stand))

    assert code_of(refused)[2] == "registrationRefused"
    assert accepted.status_code == 204


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "Other"},
        {"contract": {"value": 1, "term": "Weekly"}},
        {"contract": {"value": 60000, "term": "Finite", "signDateTime": "2020-01-01T00:00:00Z"}},
        {"solutionDetails": []},
        {"solutionDetails": [{"id": "SOL-1", "primaryDeploymentOn": "Moon"}]},
        {"solutionDetails": [{"id": "SOL-1", "pricingModel": "Barter"}]},
    ],
)
async def test_a_registration_has_to_be_complete(stand: Stand, changes: dict[str, Any]) -> None:
    own = await _won(stand)

    assert code_of(await stand.patch(own["id"], _registration(stand, **changes)))[2] == "registrationRefused"


async def test_only_twelve_members_of_a_registration_may_change(stand: Stand) -> None:
    own = await _won(stand)
    await stand.patch(own["id"], _registration(stand))

    refused: list[dict[str, Any]] = [{"/registrations/0/status": "Approved"}, {"/registrations": []}]
    for changes in refused:
        assert code_of(await stand.patch(own["id"], changes))[2] == "registrationRefused"
    assert code_of(await stand.patch(own["id"], {"/name": "x"}))[2] == "closedReferral"


async def test_microsoft_reviews_a_registration(stand: Stand) -> None:
    own = await _won(stand)
    await stand.patch(own["id"], _registration(stand))

    await stand.control("POST", f"microsoft/referrals/{own['id']}/registration", {"status": "Approved"})

    deal = await stand.got(own["id"])
    assert deal["registrationStatus"] == deal["registrations"][0]["status"] == "Approved"
    assert deal["registrations"][0]["statusHistory"]["approvedDateTime"]
