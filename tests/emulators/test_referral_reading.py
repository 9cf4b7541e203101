"""GET of one referral and of lists: filters, order, pages, and the quirks of the real service's links."""

import base64
from typing import Any

import httpx
import pytest

from cosell.emulators import identities
from tests.emulators.stand import REFERRALS, Stand, code_of, invitation_of, own_referral


async def _listed(stand: Stand, **options: str) -> list[dict[str, Any]]:
    answer = await stand.http.get(REFERRALS, params={f"${name}": value for name, value in options.items()})
    assert answer.status_code == 200, answer.text
    value: list[dict[str, Any]] = answer.json()["value"]
    return value


async def _names(stand: Stand, **options: str) -> list[str]:
    return [referral["name"] for referral in await _listed(stand, **options)]


async def _several(stand: Stand, count: int) -> None:
    for number in range(count):
        await stand.created(own_referral(name=f"Deal {number}", externalReferenceId=f"crm-{number}"))


async def test_one_referral_comes_with_its_etag(stand: Stand) -> None:
    own = await stand.created()

    answer = await stand.http.get(f"{REFERRALS}/{own['id']}", headers={"client-request-id": "abc"})

    assert answer.headers["ETag"] == answer.json()["eTag"] == own["eTag"]
    assert answer.headers["client-request-id"] == "abc"
    assert answer.headers["request-id"]
    assert answer.json() == own


async def test_a_list_shows_our_copies_and_the_engagement_shows_all(stand: Stand) -> None:
    own = await stand.created()
    await stand.created(invitation_of(own))

    assert [each["id"] for each in await _listed(stand)] == [own["id"]]
    assert len(await _listed(stand, filter=f"engagementId eq '{own['engagementId']}'")) == 2
    assert len(await _listed(stand, filter=f"engagementId eq {own['engagementId'].upper()}")) == 2


async def test_a_list_can_be_told_to_show_microsofts_copies_too(stand: Stand) -> None:
    await stand.control("POST", "options", {"related_copies_in_lists": True})
    own = await stand.created()
    await stand.created(invitation_of(own))

    assert len(await _listed(stand)) == 2


async def test_lists_are_ordered_by_creation_or_by_update(stand: Stand) -> None:
    await _several(stand, 3)
    first = (await _listed(stand))[0]
    await stand.patch(first["id"], {"/name": "Deal 0 again"})

    assert await _names(stand, orderby="createdDateTime desc") == ["Deal 2", "Deal 1", "Deal 0 again"]
    assert await _names(stand, orderby="updatedDateTime asc") == ["Deal 1", "Deal 2", "Deal 0 again"]
    assert await _names(stand, orderby="updatedDateTime desc", top="1", skip="1") == ["Deal 2"]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("status eq 'Active'", 1),
        ("status eq 'New' and substatus eq 'Pending'", 1),
        ("(status eq 'New') and (direction eq 'Incoming' and type eq 'Shared')", 1),
        ("qualification eq 'SalesQualified'", 2),
        ("customerProfile/address/country eq 'GB'", 2),
        ("customerProfile/address/country eq 'D''E'", 0),
        ("direction eq 'Outgoing'", 0),
        (f"team/any(t:t/email eq '{identities.SELLER.user.upper()}')", 2),
        ("team/any(member: member/email eq 'nobody@contoso-partner.example') and status eq 'New'", 0),
    ],
)
async def test_documented_filters(stand: Stand, condition: str, count: int) -> None:
    await stand.created()
    await stand.invited()

    assert len(await _listed(stand, filter=condition)) == count


@pytest.mark.parametrize(
    "condition",
    [
        "updatedDateTime gt 2026-01-01T00:00:00Z",
        "externalReferenceId eq 'crm-1'",
        "status eq Active",
        "status eq 'Asleep'",
        "status ne 'New'",
        "status eq 'New' or status eq 'Active'",
        "status eq 'New",
        "status eq",
        "(status eq 'New'",
        "status eq 'New')",
        "engagementId eq 'not-a-guid'",
        "contains(name,'x')",
        "team/any(t:t/lastName eq 'Brandt')",
    ],
)
async def test_a_filter_that_is_not_documented_is_refused(stand: Stand, condition: str) -> None:
    assert code_of(await stand.http.get(REFERRALS, params={"$filter": condition}))[:2] == (400, "invalidRequest")


@pytest.mark.parametrize(
    "options",
    [
        {"$orderby": "name"},
        {"$orderby": "createdDateTime sideways"},
        {"$top": "many"},
        {"$skip": "-1"},
        {"$skip": "99999999999999999999"},
        {"$top": "²"},
        {"$count": "maybe"},
        {"$select": "colour"},
        {"$search": "bread"},
        {"$skiptoken": "made up"},
        {"$skiptoken": "WyJhIl0", "$top": "1"},
        {"$skiptoken": base64.urlsafe_b64encode(b'[5,"createdDateTime",false,[],false,null,["a","b"]]').decode()},
        {"$filter": "(" * 500},
        {"$filter": " and ".join(["status eq 'New'"] * 500)},
    ],
)
async def test_an_option_the_service_does_not_know_is_refused(stand: Stand, options: dict[str, str]) -> None:
    assert code_of(await stand.http.get(REFERRALS, params=options))[:2] == (400, "invalidRequest")


async def test_a_selection_leaves_the_rest_out(stand: Stand) -> None:
    own = await stand.created()

    assert await _listed(stand, select="id,name") == [{"id": own["id"], "name": own["name"]}]


async def test_pages_are_followed_by_a_link_that_has_to_be_mended(stand: Stand) -> None:
    await stand.control("POST", "options", {"page_size": 2})
    await _several(stand, 5)
    answer = await stand.http.get(REFERRALS, params={"$orderby": "createdDateTime desc", "$count": "true"})
    names, counts, links = [], [], []

    while True:
        page = answer.json()
        names += [referral["name"] for referral in page["value"]]
        counts.append(page["@odata.count"])
        if "@odata.nextLink" not in page:
            break
        links.append(page["@odata.nextLink"])
        mended = links[-1].replace("http://", "https://").replace("/v1.0/", "/v1.0/engagements/")
        answer = await stand.http.get(mended)

    assert names == [f"Deal {number}" for number in (4, 3, 2, 1, 0)]
    assert counts == [5, 5, 5]
    assert all(link.startswith("http://localhost/v1.0/referrals?$skiptoken=") for link in links)


async def test_the_next_link_as_documented_leads_nowhere(stand: Stand) -> None:
    answer = await stand.http.get(f"{REFERRALS.replace('/engagements', '')}?$skiptoken=x")

    assert code_of(answer) == (404, "itemNotFound", None)


async def test_the_next_link_can_be_made_right(stand: Stand) -> None:
    await stand.control("POST", "options", {"page_size": 1, "next_link": "correct"})
    await _several(stand, 2)

    link = (await stand.http.get(REFERRALS)).json()["@odata.nextLink"]

    assert (await stand.http.get(link)).json()["value"][0]["name"] == "Deal 1"


async def test_top_ends_the_listing_across_pages(stand: Stand) -> None:
    await stand.control("POST", "options", {"page_size": 2, "next_link": "correct"})
    await _several(stand, 5)
    answer: httpx.Response = await stand.http.get(REFERRALS, params={"$top": "3"})
    first = answer.json()

    second = (await stand.http.get(first["@odata.nextLink"])).json()

    assert (len(first["value"]), len(second["value"])) == (2, 1)
    assert "@odata.nextLink" not in second


async def test_pages_hold_a_hundred(stand: Stand) -> None:
    await stand.control("POST", "seed", {"referrals": 120, "seed": 4})

    page = (await stand.http.get(REFERRALS)).json()

    assert len(page["value"]) == 100
    assert "@odata.nextLink" in page
