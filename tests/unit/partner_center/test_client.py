"""Referrals over a scripted service: what is asked, how often, and what becomes of each answer."""

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import unquote

import httpx
import pytest

from cosell.domain.ids import EngagementId, ReferralId
from cosell.errors import (
    RecordNotFound,
    RequestRejected,
    ServiceUnavailable,
    ServiceUnreachable,
    StaleEtag,
)
from cosell.partner_center import PartnerCenterClient, open_partner_center
from tests.unit.http.fakes import FakeTime, FakeTokens, FakeVault, Script, Step, answer, made_up_settings
from tests.unit.partner_center.samples import ENGAGEMENT_ID, ETAG, REFERRAL_ID, referral

ID = ReferralId(REFERRAL_ID)
PATH = "/v1.0/engagements/referrals"


def opened(*steps: Step) -> tuple[PartnerCenterClient, Script]:
    script, time = Script(steps), FakeTime()
    client = open_partner_center(
        made_up_settings(),
        FakeVault(),
        clock=time.clock,
        sleep=time.sleep,
        tokens=FakeTokens(),
        transport=script,
    )
    return client, script


def page(*referrals: dict[str, object], link: str | None = None) -> httpx.Response:
    return answer(200, {"value": list(referrals)} | ({"@odata.nextLink": link} if link else {}))


async def test_referral_is_read_by_id() -> None:
    client, script = opened(answer(200, referral()))
    async with client:
        found = await client.get_referral(ID)
    assert found.etag == ETAG
    assert script.calls == [f"GET {PATH}/{REFERRAL_ID}"]


@pytest.mark.parametrize("status", [404, 410])
async def test_referral_that_is_gone(status: int) -> None:
    client, _ = opened(answer(status), answer(status))
    async with client:
        assert await client.find_referral(ID) is None
        with pytest.raises(RecordNotFound, match=REFERRAL_ID):
            await client.get_referral(ID)


async def test_broken_next_link_of_the_documentation_is_mended() -> None:
    link = "http://api.partner.microsoft.com/v1.0/referrals?$orderby=x&$skiptoken=abc%20d"
    client, script = opened(page(referral(id="1"), link=link), page(referral(id="2")))
    async with client:
        pages = [found async for found in client.iter_referrals(order_by="updatedDateTime desc")]
    assert [[one.id for one in found] for found in pages] == [["1"], ["2"]]
    assert script.calls == [
        f"GET {PATH}?$orderby=updatedDateTime%20desc",
        f"GET {PATH}?$orderby=x&$skiptoken=abc%20d",
    ]
    assert script.requests[1].url.scheme == "https"


async def test_next_link_to_another_host_is_not_followed() -> None:
    client, script = opened(page(referral(), link="https://evil.example/v1.0/engagements/referrals"))
    async with client:
        with pytest.raises(RequestRejected):
            _ = [found async for found in client.iter_referrals()]
    assert len(script.requests) == 1


async def test_next_link_that_comes_twice_ends_the_listing_with_an_error() -> None:
    link = f"https://api.partner.microsoft.com{PATH}?$skiptoken=1"
    client, _ = opened(page(link=link), page(link=link))
    async with client:
        with pytest.raises(RequestRejected, match="no end"):
            _ = [found async for found in client.iter_referrals()]


async def test_short_or_empty_page_is_not_the_last() -> None:
    link = f"{PATH}?$skiptoken=1"
    client, _ = opened(page(link=link), page(referral()))
    async with client:
        assert sum([len(found) async for found in client.iter_referrals()]) == 1


async def test_one_referral_that_cannot_be_read_does_not_hold_up_the_page(caplog: pytest.LogCaptureFixture) -> None:
    odd = referral(id="odd", team="Jo Marlow and others")
    client, _ = opened(page(odd, referral()))
    async with client:
        pages = [found async for found in client.iter_referrals()]
    assert [one.id for one in pages[0]] == [REFERRAL_ID]
    assert "referral odd" in caplog.text
    assert "Marlow" not in caplog.text


async def test_engagement_is_asked_quoted_and_once_more_unquoted() -> None:
    client, script = opened(answer(400), page(referral()), page(referral()))
    async with client:
        assert len(await client.get_engagement(EngagementId(ENGAGEMENT_ID))) == 1
        await client.get_engagement(EngagementId(ENGAGEMENT_ID))
    assert [unquote(call).partition(" eq ")[2] for call in script.calls] == [
        f"'{ENGAGEMENT_ID}'",
        ENGAGEMENT_ID,
        ENGAGEMENT_ID,
    ]


async def test_external_reference_is_searched_down_to_the_bound_and_no_further() -> None:
    newest = referral(id="new", createdDateTime="2026-03-01T00:00:00Z")
    wanted = referral(id="wanted", createdDateTime="2026-02-20T00:00:00Z", externalReferenceId="OPP-1 ")
    old = referral(id="old", createdDateTime="2026-01-01T00:00:00Z", externalReferenceId="OPP-9")
    client, script = opened(page(newest, wanted, old, link=f"{PATH}?$skiptoken=1"))
    async with client:
        found = await client.find_referral_by_external_reference(
            "opp-1", created_after=datetime(2026, 2, 1, tzinfo=UTC)
        )
    assert found is not None
    assert found.id == "wanted"
    assert len(script.requests) == 1


async def test_microsofts_copy_with_our_reference_is_not_taken_for_ours() -> None:
    copy = referral(externalReferenceId="opp-1", target=[{"type": "BusinessProfileLocation", "id": "msft"}])
    client, _ = opened(page(copy))
    async with client:
        found = await client.find_referral_by_external_reference(
            "opp-1", created_after=datetime(2020, 1, 1, tzinfo=UTC)
        )
    assert found is None


async def test_search_that_fails_half_way_never_says_not_found() -> None:
    first = page(referral(), link=f"{PATH}?$skiptoken=1")
    client, _ = opened(first, *[answer(500) for _ in range(4)])
    async with client:
        with pytest.raises(ServiceUnavailable):
            await client.find_referral_by_external_reference("opp-1", created_after=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("status", [200, 201])
async def test_created_referral_comes_back_as_the_service_made_it(status: int) -> None:
    client, script = opened(answer(status, referral()))
    async with client:
        made = await client.create_referral({"name": "x", "details": {"dealValue": Decimal("12.50")}})
    assert made.engagement_id == ENGAGEMENT_ID
    assert b'"dealValue":12.50' in script.requests[0].content


@pytest.mark.parametrize(
    "step",
    [
        httpx.ReadTimeout("slow"),
        answer(201),
        httpx.Response(201, content=b'{"id": "', headers={"Content-Type": "application/json"}),
    ],
)
async def test_create_without_a_whole_answer_is_not_repeated(step: Step) -> None:
    client, script = opened(step)
    async with client:
        with pytest.raises(ServiceUnreachable, match="not known, look first"):
            await client.create_referral({"name": "x", "externalReferenceId": "opp-1"})
    assert len(script.requests) == 1


async def test_update_sends_a_patch_with_the_etag_and_returns_the_new_one() -> None:
    client, script = opened(answer(200, referral(eTag='"new"')))
    async with client:
        found = await client.update_referral(ID, [{"op": "replace", "path": "/name", "value": "x"}], etag=ETAG)
    sent = script.requests[0]
    assert found.etag == '"new"'
    assert (sent.method, sent.headers["if-match"], sent.headers["prefer"]) == ("PATCH", ETAG, "return=representation")
    assert sent.headers["content-type"].startswith("application/json")
    assert script.body(0) == [{"op": "replace", "path": "/name", "value": "x"}]


async def test_update_that_answers_without_a_body_is_read_again() -> None:
    client, script = opened(answer(204), answer(200, referral(eTag='"new"')))
    async with client:
        found = await client.update_referral(ID, [{"op": "replace", "path": "/name", "value": "x"}], etag=ETAG)
    assert found.etag == '"new"'
    assert [call.split()[0] for call in script.calls] == ["PATCH", "GET"]


@pytest.mark.parametrize(
    "refusal", [answer(412), answer(409), answer(400, {"error": {"code": "resourceModified", "message": "x"}})]
)
async def test_update_of_a_referral_that_moved(refusal: httpx.Response) -> None:
    client, script = opened(refusal)
    async with client:
        with pytest.raises(StaleEtag, match=REFERRAL_ID):
            await client.update_referral(ID, [{"op": "replace", "path": "/name", "value": "x"}], etag=ETAG)
    assert len(script.requests) == 1


async def test_deal_value_is_sent_as_text_once_the_service_wants_it_so() -> None:
    client, script = opened(answer(400), answer(200, referral()), answer(200, referral()))
    steps = [{"op": "replace", "path": "/details/dealValue", "value": Decimal("12.50")}]
    async with client:
        await client.update_referral(ID, steps, etag=ETAG)
        await client.update_referral(ID, steps, etag=ETAG)
    values = [request.content for request in script.requests]
    assert b'"value":12.50' in values[0]
    assert b'"value":"12.50"' in values[1]
    assert b'"value":"12.50"' in values[2]


@pytest.mark.parametrize(
    ("steps", "calls"),
    [
        ([{"op": "replace", "path": "/name", "value": "x"}], 1),
        ([{"op": "replace", "path": "/details/dealValue", "value": Decimal(1)}], 2),
    ],
)
async def test_refused_update_is_tried_again_only_for_a_deal_value(steps: list[dict[str, object]], calls: int) -> None:
    client, script = opened(*[answer(400) for _ in range(calls)])
    async with client:
        with pytest.raises(RequestRejected):
            await client.update_referral(ID, steps, etag=ETAG)
    assert script.steps == []


async def test_referral_that_was_read_without_an_etag_is_not_overwritten() -> None:
    client, script = opened()
    async with client:
        with pytest.raises(StaleEtag):
            await client.update_referral(ID, [{"op": "replace", "path": "/name", "value": "x"}], etag="")
    assert script.requests == []


async def test_update_of_nothing_is_a_mistake_of_the_caller() -> None:
    client, _ = opened()
    async with client:
        with pytest.raises(ValueError, match="without operations"):
            await client.update_referral(ID, [], etag=ETAG)
