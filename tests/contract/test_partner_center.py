"""The Partner Center client against the stand-in: the same promises as against the real service."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cosell.domain.ids import ReferralId
from cosell.errors import (
    RejectedError,
    RequestRejected,
    ServiceUnavailable,
    ServiceUnreachable,
    StaleEtag,
    Throttled,
)
from cosell.partner_center import PartnerCenterClient, WebhookClient
from tests.contract.bodies import OPPORTUNITY_ID, microsofts_copy, own_referral
from tests.emulator_process import Emulators

REFERRALS = "/v1.0/engagements/referrals"
RENAME = [{"op": "replace", "path": "/name", "value": "Kestrel Bakeries, both sites"}]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def test_created_referral_is_ours_accepted_and_exact(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    made = await partner_center.create_referral(own_referral())
    found = await partner_center.get_referral(made.id)
    assert (found.status, found.substatus) == ("Active", "Accepted")
    assert found.details.deal_value == Decimal("25000.50")
    assert found.is_ours
    assert not found.is_microsofts_copy
    assert found.etag == made.etag
    assert emulators.violations() == []


async def test_engagement_holds_ours_and_microsofts_copy_until_microsoft_accepts(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    own = await partner_center.create_referral(own_referral())
    copy = await partner_center.create_referral(microsofts_copy(own))
    assert own.engagement_id is not None
    copies = {one.id: one for one in await partner_center.get_engagement(own.engagement_id)}
    assert set(copies) == {own.id, copy.id}
    assert copies[copy.id].is_microsofts_copy
    assert (copies[copy.id].status, copies[copy.id].microsoft_crm_id) == ("New", None)
    emulators.control("POST", f"microsoft/referrals/{own.id}/accept")
    copies = {one.id: one for one in await partner_center.get_engagement(own.engagement_id)}
    assert copies[copy.id].status == "Active"
    assert any(one.microsoft_crm_id for one in copies.values())
    assert emulators.violations() == []


async def test_one_field_is_changed_in_one_call_and_a_stale_etag_is_refused(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    own = await partner_center.create_referral(own_referral())
    emulators.control("DELETE", "requests")
    changed = await partner_center.update_referral(own.id, RENAME, etag=own.etag or "")
    assert emulators.count_requests() == 1
    assert (changed.name, changed.etag != own.etag) == (RENAME[0]["value"], True)
    with pytest.raises(StaleEtag, match=own.id):
        await partner_center.update_referral(own.id, RENAME, etag=own.etag or "")


async def test_deal_value_is_written_digit_by_digit(partner_center: PartnerCenterClient) -> None:
    own = await partner_center.create_referral(own_referral())
    steps = [{"op": "replace", "path": "/details/dealValue", "value": Decimal("12345678.91")}]
    changed = await partner_center.update_referral(own.id, steps, etag=own.etag or "")
    assert changed.details.deal_value == Decimal("12345678.91")


async def test_closed_referral_refuses_every_write(partner_center: PartnerCenterClient) -> None:
    own = await partner_center.create_referral(own_referral())
    steps = [
        {"op": "replace", "path": "/status", "value": "Closed"},
        {"op": "replace", "path": "/substatus", "value": "Lost"},
    ]
    closed = await partner_center.update_referral(own.id, steps, etag=own.etag or "")
    assert closed.is_closed
    with pytest.raises(RejectedError):
        await partner_center.update_referral(own.id, RENAME, etag=closed.etag or "")


async def test_invitation_of_a_microsoft_seller_is_not_ours(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    emulators.control("POST", "microsoft/referrals", {})
    pages = [page async for page in partner_center.iter_referrals(filter_="status eq 'New'")]
    invited = [one for page in pages for one in page if not one.is_microsofts_copy]
    assert len(invited) == 1
    assert not invited[0].is_ours
    assert invited[0].expiration_date_time is not None


async def test_three_hundred_referrals_are_listed_page_by_page_each_once(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    emulators.control("POST", "seed", {"referrals": 300, "opportunities": 0, "seed": 7})
    emulators.control("DELETE", "requests")
    pages = [page async for page in partner_center.iter_referrals(order_by="updatedDateTime desc")]
    ids = [one.id for page in pages for one in page]
    assert len(ids) == len(set(ids)) >= 300
    assert emulators.count_requests() == len(pages) <= len(ids) // 100 + 1


async def test_referral_is_found_by_its_crm_id(partner_center: PartnerCenterClient) -> None:
    assert await partner_center.find_referral_by_external_reference(OPPORTUNITY_ID, created_after=LONG_AGO) is None
    own = await partner_center.create_referral(own_referral())
    await partner_center.create_referral(microsofts_copy(own))
    found = await partner_center.find_referral_by_external_reference(
        OPPORTUNITY_ID.upper(), created_after=datetime.now(UTC) - timedelta(hours=1)
    )
    assert found is not None
    assert found.id == own.id


async def test_create_whose_answer_is_lost_is_found_afterwards_and_there_is_one(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    emulators.control("PUT", "faults", [{"method": "POST", "path": REFERRALS, "nth": 1, "action": {"reset": "after"}}])
    with pytest.raises(ServiceUnreachable, match="not known, look first"):
        await partner_center.create_referral(own_referral())
    found = await partner_center.find_referral_by_external_reference(OPPORTUNITY_ID, created_after=LONG_AGO)
    assert found is not None
    assert len([one async for page in partner_center.iter_referrals() for one in page]) == 1


async def test_search_never_says_not_found_when_a_page_fails(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    emulators.control("PUT", "faults", [{"method": "GET", "path": REFERRALS, "action": {"status": 500}}])
    with pytest.raises(ServiceUnavailable):
        await partner_center.find_referral_by_external_reference(OPPORTUNITY_ID, created_after=LONG_AGO)


async def test_throttling_is_waited_out(emulators: Emulators, partner_center: PartnerCenterClient) -> None:
    action = {"status": 429, "headers": {"Retry-After": "0"}}
    emulators.control("PUT", "faults", [{"path": REFERRALS, "nth": 1, "action": action}])
    _ = [page async for page in partner_center.iter_referrals()]
    action = {"status": 429, "headers": {"Retry-After": "3600"}}
    emulators.control("PUT", "faults", [{"path": REFERRALS, "nth": 1, "action": action}])
    with pytest.raises(Throttled) as raised:
        _ = [page async for page in partner_center.iter_referrals()]
    assert raised.value.retry_after == 3600


@pytest.mark.parametrize("action", [{"reset": "before"}, {"reset": "after"}, {"truncate": True}, {"status": 503}])
async def test_read_survives_one_broken_answer(
    emulators: Emulators, partner_center: PartnerCenterClient, action: dict[str, object]
) -> None:
    own = await partner_center.create_referral(own_referral())
    emulators.control("PUT", "faults", [{"method": "GET", "path": REFERRALS, "nth": 1, "action": action}])
    assert (await partner_center.get_referral(own.id)).id == own.id


async def test_update_whose_answer_is_lost_is_read_again_not_written_blindly(
    emulators: Emulators, partner_center: PartnerCenterClient
) -> None:
    own = await partner_center.create_referral(own_referral())
    emulators.control("PUT", "faults", [{"method": "PATCH", "path": REFERRALS, "nth": 1, "action": {"reset": "after"}}])
    with pytest.raises(StaleEtag):
        await partner_center.update_referral(own.id, RENAME, etag=own.etag or "")
    assert (await partner_center.get_referral(own.id)).name == RENAME[0]["value"]


async def test_referral_that_does_not_exist(partner_center: PartnerCenterClient) -> None:
    assert await partner_center.find_referral(ReferralId("aaaaaaaa-0001-4000-8000-00000000dead")) is None


async def test_what_the_service_refuses_is_told_without_values(partner_center: PartnerCenterClient) -> None:
    with pytest.raises(RequestRejected) as raised:
        await partner_center.create_referral({"name": "Jo Marlow's secret deal"})
    assert "Marlow" not in str(raised.value)
    assert "request id" in str(raised.value)


async def test_webhook_registration_goes_round(emulators: Emulators, webhooks: WebhookClient) -> None:
    assert await webhooks.find_registration() is None
    assert "referral-created" in await webhooks.get_events()
    url = "http://127.0.0.1:9/webhooks/partner-center"
    events = ["referral-created", "referral-updated", "test-created"]
    await webhooks.create_registration(url=url, events=events)
    found = await webhooks.find_registration()
    assert found is not None
    assert (found.webhook_url, sorted(found.webhook_events)) == (url, sorted(events))
    replaced = await webhooks.update_registration(url=url, events=["test-created"])
    assert replaced.webhook_events == ["test-created"]
    result = await webhooks.get_validation_result(await webhooks.send_validation_event())
    assert not result.is_delivered
    assert emulators.violations() == []
