"""What Partner Center answers to those who write: one private deal, made for this and closed as Lost at the end.

The facts stand in the order of the deal's life: those about a closed deal come last.
"""

from typing import Any

import pytest

from tests.contract.wire.deals import Deals
from tests.contract.wire.services import Json, Services, refusal

CREATE = "Create a referral"
PATCH = "Patch a referral"
RESOURCE = "Referral resources"
BULK = "Bulk upload and update of deals"
PAYLOADS = "live payloads, 2022"


def reread(deals: Deals, changes: dict[str, Json], **headers: str) -> dict[str, Any]:
    answer = deals.patch(deals.own()["id"], changes, **headers)
    assert (answer.status_code, answer.content) == (204, b"")
    return deals.own()


@pytest.mark.documented(f"{CREATE}: the sample posts New and Pending")
def test_a_referral_is_active_and_accepted_at_once_whatever_was_posted(deals: Deals) -> None:
    own = deals.own()
    assert (own["status"], own["substatus"]) == ("Active", "Accepted")


@pytest.mark.documented(CREATE)
def test_a_create_makes_ids_an_etag_and_links(deals: Deals) -> None:
    own = deals.own()
    assert len({own["id"], own["engagementId"]}) == 2
    assert own["eTag"]
    assert {"self", "relatedReferrals"} <= set(own["links"])


@pytest.mark.documented(RESOURCE)
def test_the_crm_id_is_kept(services: Services, deals: Deals) -> None:
    assert deals.own()["externalReferenceId"] == f"wire-{services.run}"


@pytest.mark.inferred("holds in live payloads; no page tells how to know one's own deals")
def test_a_deal_of_ones_own_was_invited_by_oneself(deals: Deals) -> None:
    own = deals.own()
    assert own["inviteContext"]["invitedBy"]["organizationId"] == own["organizationId"]


@pytest.mark.seen(PAYLOADS)
def test_a_deal_of_ones_own_is_incoming(deals: Deals) -> None:
    assert deals.own()["direction"] == "Incoming"


@pytest.mark.documented(PATCH)
def test_a_patch_answers_nothing_and_makes_a_new_etag(deals: Deals) -> None:
    before = deals.own()["eTag"]
    after = reread(deals, {"/details/notes": "Second note."})
    assert after["details"]["notes"] == "Second note."
    assert after["eTag"] != before


@pytest.mark.documented(f"{PATCH}: Prefer")
def test_a_patch_answers_the_referral_when_asked_to(deals: Deals) -> None:
    answer = deals.patch(deals.own()["id"], {"/details/notes": "Third note."}, Prefer="return=representation")
    assert (answer.status_code, answer.json()["details"]["notes"]) == (200, "Third note.")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("10000", id="text", marks=pytest.mark.documented(f"{PATCH}: the sample")),
        pytest.param(12000.5, id="number", marks=pytest.mark.inferred("samples of a patch quote the value")),
    ],
)
def test_a_deal_value_is_sent_as(deals: Deals, value: Json) -> None:
    assert reread(deals, {"/details/dealValue": value})["details"]["dealValue"] == float(value)


@pytest.mark.documented(f"{PATCH}: If-Match is optional")
def test_without_if_match_the_last_writer_wins(deals: Deals) -> None:
    deals.own()
    reread(deals, {"/details/notes": "First."})
    assert reread(deals, {"/details/notes": "Last."})["details"]["notes"] == "Last."


@pytest.mark.documented("Partner API error codes: resourceModified")
def test_a_stale_etag_is_refused_as_modified(deals: Deals) -> None:
    stale = deals.own()["eTag"]
    reread(deals, {"/details/notes": "Moved."}, If_Match=stale)
    answer = deals.patch(deals.own()["id"], {"/details/notes": "Late."}, If_Match=stale)
    assert answer.json()["error"]["code"].lower() in {"resourcemodified", "preconditionfailed"}
    assert deals.own()["details"]["notes"] == "Moved."


@pytest.mark.inferred("409, 412 or 400: the table of statuses names all three")
def test_a_stale_etag_is_412(deals: Deals) -> None:
    stale = deals.own()["eTag"]
    reread(deals, {"/details/notes": "Moved again."})
    answer = deals.patch(deals.own()["id"], {"/details/notes": "Late."}, If_Match=stale)
    assert refusal(answer) == (412, "resourcemodified")


@pytest.mark.documented(f"{PATCH}: only replace and add")
def test_a_member_is_added_to_the_team(deals: Deals) -> None:
    own = deals.own()
    person = {"firstName": "Second", "lastName": "Tester", "phoneNumber": "5550101", "email": "two@cosell.example"}
    operations = [{"op": "add", "path": "/team/-", "value": person}]
    answer = deals.http.patch(f"referrals/{own['id']}", json=operations)
    assert answer.status_code == 204
    assert len(deals.own()["team"]) == len(own["team"]) + 1


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(
            {"op": "remove", "path": "/team/0"}, id="removes",
            marks=pytest.mark.documented(f"{PATCH}: only replace and add"),
        ),
        pytest.param(
            {"op": "replace", "path": "/Details/Notes", "value": "x"}, id="spells names in capitals",
            marks=pytest.mark.inferred("all samples are camelCase"),
        ),
        pytest.param(
            {"op": "replace", "path": "/customerProfile/name", "value": "Somebody else"}, id="renames the customer",
            marks=pytest.mark.documented(BULK),
        ),
        pytest.param(
            {"op": "replace", "path": "/customerProfile/address/country", "value": "FR"}, id="moves the customer",
            marks=pytest.mark.documented(BULK),
        ),
        pytest.param(
            {"op": "replace", "path": "/consent/consentToToShareInfoWithOthers", "value": False},
            id="takes consent back", marks=pytest.mark.documented(BULK),
        ),
        pytest.param(
            {"op": "replace", "path": "/organizationId", "value": "msft"}, id="changes the owner",
            marks=pytest.mark.inferred("the service's own"),
        ),
    ],
)  # fmt: skip
def test_a_patch_is_refused_that(deals: Deals, operation: dict[str, Json]) -> None:
    answer = deals.http.patch(f"referrals/{deals.own()['id']}", json=[operation])
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("status", "substatus"),
    [("New", "Pending"), ("New", "Received"), ("Active", "Received"), ("Closed", "Accepted"), ("None", "None")],
)
@pytest.mark.documented(f"{RESOURCE}: the table of states")
def test_an_active_deal_cannot_become(deals: Deals, status: str, substatus: str) -> None:
    answer = deals.patch(deals.own()["id"], {"/status": status, "/substatus": substatus})
    assert answer.is_client_error
    assert (deals.own()["status"], deals.own()["substatus"]) == ("Active", "Accepted")


@pytest.mark.documented(RESOURCE)
def test_an_active_deal_can_be_lost(deals: Deals) -> None:
    lost = deals.lost()
    assert (lost["status"], lost["substatus"]) == ("Closed", "Lost")


@pytest.mark.parametrize(
    "changes",
    [{"/details/notes": "Late."}, {"/status": "Active", "/substatus": "Accepted"}],
    ids=["a note", "being opened again"],
)
@pytest.mark.documented("Manage co-sell opportunities: closed is final")
def test_a_closed_deal_refuses(deals: Deals, changes: dict[str, Json]) -> None:
    lost = deals.lost()
    assert deals.patch(lost["id"], changes).is_client_error
    assert deals.lost()["eTag"] == lost["eTag"]


@pytest.mark.inferred("that it is refused is documented, not how")
def test_a_closed_deal_refuses_with_400(deals: Deals) -> None:
    assert refusal(deals.patch(deals.lost()["id"], {"/details/notes": "Late."})) == (400, "invalidrequest")
