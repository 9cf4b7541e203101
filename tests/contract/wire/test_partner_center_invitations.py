"""What Partner Center does between partner and Microsoft, and with webhooks: never tried on a real tenant, where each
invitation is work for somebody and a tenant has but one webhook registration.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contract.wire.deals import Deals
from tests.contract.wire.services import Json, Services, bearer, refusal

CO_SELL = "Manage co-sell opportunities"
CREATE = "Create a referral: co-sell with Microsoft"
WEBHOOKS = "Partner Center webhooks"
URL = "https://connector.example/webhooks/partner-center"
VISIBLE = "consentToShareReferralWithMicrosoftSellers"
Control = Callable[..., Json]


def invite(deals: Deals, own: dict[str, Any]) -> dict[str, Any]:
    shared = deals.private()["consent"] | {VISIBLE: True}
    asked = {"notes": "Please join.", "assistanceRequestCode": "ProofOfConceptOrDemo"}
    target = [{"type": "BusinessProfileLocation", "id": "msft"}]
    copy = deals.private(engagementId=own["engagementId"], type="Shared", consent=shared, target=target)
    return deals.created({**copy, "inviteContext": asked})


def shared_deal(deals: Deals) -> dict[str, Any]:
    return deals.created(deals.private(type="Shared", consent=deals.private()["consent"] | {VISIBLE: True}))


@pytest.mark.documented("Referral resources: New, Pending; expires after 14 days")
def test_an_invitation_by_microsoft_waits_for_an_answer(control: Control) -> None:
    inbound = control("POST", "microsoft/referrals", {"name": "Fabrikam @ Suite"})
    assert (inbound["status"], inbound["substatus"]) == ("New", "Pending")
    assert inbound["inviteContext"]["invitedBy"]["organizationId"] == "msft"
    assert inbound["expirationDateTime"]


@pytest.mark.parametrize(("status", "substatus"), [("Active", "Accepted"), ("Closed", "Declined")])
@pytest.mark.documented("Referral resources: the table of states")
def test_an_invitation_can_become(control: Control, deals: Deals, status: str, substatus: str) -> None:
    inbound = control("POST", "microsoft/referrals", {"name": "Fabrikam @ Suite"})
    assert deals.patch(inbound["id"], {"/status": status, "/substatus": substatus}).status_code == 204
    told = deals.got(inbound["id"])
    assert (told["status"], told["substatus"]) == (status, substatus)


@pytest.mark.documented(CREATE)
@pytest.mark.usefixtures("control")
def test_microsofts_copy_is_a_second_referral_of_the_engagement(deals: Deals) -> None:
    own = shared_deal(deals)
    copy = invite(deals, own)
    assert copy["engagementId"] == own["engagementId"]
    assert copy["organizationId"] == "msft"
    assert (copy["status"], copy["substatus"]) == ("New", "Pending")


@pytest.mark.documented(f"{CO_SELL}: the Microsoft CRM identifier")
def test_microsofts_number_appears_once_they_accept(control: Control, deals: Deals) -> None:
    own = shared_deal(deals)
    copy = invite(deals, own)
    assert not copy["trackingInfo"]["microsoftMsxId"]
    control("POST", f"microsoft/referrals/{own['id']}/accept")
    told = deals.got(copy["id"])
    assert (told["status"], told["substatus"]) == ("Active", "Accepted")
    assert told["trackingInfo"]["microsoftMsxId"]


@pytest.mark.documented("Bulk upload and update of deals: visibility is never taken back")
@pytest.mark.usefixtures("control")
def test_a_private_deal_becomes_visible_and_never_private_again(deals: Deals) -> None:
    own = deals.created(deals.private())
    assert deals.patch(own["id"], {f"/consent/{VISIBLE}": True}).status_code == 204
    assert deals.patch(own["id"], {f"/consent/{VISIBLE}": False}).status_code == 400


@pytest.mark.documented("Bulk upload and update of deals: consent is a condition")
@pytest.mark.usefixtures("control")
def test_without_consent_to_share_no_deal_is_created(deals: Deals) -> None:
    consent = deals.private()["consent"] | {"consentToToShareInfoWithOthers": False}
    assert deals.http.post("referrals", json=deals.private(consent=consent)).status_code == 400


@pytest.mark.documented("Referral API authentication: every App+User call carries the claim from April 2026")
def test_a_token_without_second_factor_is_refused(control: Control, partner_center: httpx.Client) -> None:
    user = "referrals.admin@contoso-partner.example"
    token = control("POST", "tokens", {"user": user, "audience": "partner_center", "mfa": False})["access_token"]
    assert partner_center.get("referrals", headers=bearer(token)).status_code in {401, 403}


@pytest.mark.documented("Partner Center API throttling")
def test_the_gateway_says_how_long_to_wait(control: Control, partner_center: httpx.Client) -> None:
    control("POST", "options", {"limit_requests": 1, "limit_seconds": 60})
    answers = [partner_center.get("referrals", params={"$top": "1"}) for _ in range(2)]
    assert refusal(answers[1]) == (429, "429")
    assert int(answers[1].headers["Retry-After"]) > 0


@pytest.mark.documented(WEBHOOKS)
def test_a_registration_is_made_viewed_and_replaced(registrar: httpx.Client) -> None:
    body = {"WebhookUrl": URL, "WebhookEvents": ["referral-created", "test-created"]}
    made = registrar.post("registration", json=body)
    assert made.is_success
    assert {"SubscriberId", "WebhookUrl", "WebhookEvents"} <= set(made.json())
    assert registrar.get("registration").json() == body
    fewer = body | {"WebhookEvents": ["test-created"]}
    replaced = registrar.put("registration", json=fewer)
    assert replaced.json()["SubscriberId"] == made.json()["SubscriberId"]
    assert registrar.get("registration").json() == fewer


@pytest.mark.documented(f"{WEBHOOKS}: two a minute")
def test_a_validation_event_has_an_id_to_ask_by_and_a_limit(registrar: httpx.Client) -> None:
    body = {"WebhookUrl": URL, "WebhookEvents": ["test-created"]}
    registrar.request("PUT" if registrar.get("registration").is_success else "POST", "registration", json=body)
    answers = [registrar.post("registration/validationEvents") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    correlation_id = answers[0].json()["correlationId"]
    told = registrar.get(f"registration/validationEvents/{correlation_id}").json()
    assert {"correlationId", "partnerId", "status", "callbackUrl", "results"} <= set(told)


@pytest.mark.documented("Referral resources: unanswered for 14 days")
def test_an_invitation_expires_after_fourteen_days(services: Services, control: Control) -> None:
    # The last fact of the file: tokens grow old with the clock.
    inbound = control("POST", "microsoft/referrals", {"name": "Fabrikam @ Suite"})
    control("POST", "clock", {"advance_seconds": 14 * 24 * 3600 + 1})
    services.forget_tokens()
    told = services.partner_center().get(f"referrals/{inbound['id']}").json()
    assert (told["status"], told["substatus"]) == ("Closed", "Expired")
