"""Status reasons of a partner's own: named by their labels, judged by their state, missing."""

from collections.abc import Sequence

from cosell.mapping.models import Mappings, StatusRow
from tests.sync.doors import assert_silence
from tests.sync.pairs import invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import CRM, MAPPINGS, OPEN, Stand
from tests.sync.test_pair_stages import close_in_crm, close_in_portal

WAITING, NO_BUDGET = 100_000_001, 100_000_002


async def add_status_reason(stand: Stand, *, value: int, label: str, state: int) -> None:
    """Let an administrator add a status reason to the opportunity."""
    texts = [{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": label, "LanguageCode": 1033}]
    body = {
        "EntityLogicalName": "opportunity",
        "AttributeLogicalName": "statuscode",
        "Value": value,
        "StateCode": state,
        "Label": {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": texts},
    }
    async with stand.run():  # which makes the application known
        answer = await stand.http.post(
            f"{CRM}/InsertStatusValue", json=body, headers={"Authorization": "Bearer application"}
        )
    assert answer.is_success, answer.text


def with_rows(*rows: dict[str, object]) -> Mappings:
    """Return the mappings with rows of an overlay before those that ship."""
    own: Sequence[StatusRow] = [StatusRow.model_validate(row) for row in rows]
    statuses = MAPPINGS.statuses.model_copy(update={"opportunity": (*own, *MAPPINGS.statuses.opportunity)})
    return MAPPINGS.model_copy(update={"statuses": statuses})


async def test_invitation_arrives_with_an_on_hold_reason_of_ones_own_and_leaving_it_accepts(stand: Stand) -> None:
    await add_status_reason(stand, value=WAITING, label="Waiting for answer", state=0)
    stand.mappings = with_rows({"stage": "on_hold", "state": 0, "label": "waiting for Answer"})
    pair = await invited_pair(stand)
    assert (await pair.opportunity())["statuscode"] == WAITING
    await assert_silence(stand)

    await pair.seller_edits(statuscode=OPEN)
    await pair.look()

    assert (await pair.referral())["status"] == "Active"
    await assert_silence(stand)


async def test_lost_reason_of_ones_own_travels_both_ways(stand: Stand) -> None:
    await add_status_reason(stand, value=NO_BUDGET, label="No budget", state=2)
    own = {"stage": "lost", "state": 2, "label": "No budget", "reason": "Budget not adequate"}
    stand.mappings = with_rows(own)

    here = await shared_pair(stand)
    await close_in_crm(here, "LoseOpportunity", status=NO_BUDGET)
    await here.look()
    assert (await here.referral())["statusReason"] == "Budget not adequate"

    there = await invited_pair(stand)
    await close_in_portal(there, "Declined", **{"/statusReason": "Budget not adequate"})
    await there.look_from_partner_center()
    assert (await there.opportunity())["statuscode"] == NO_BUDGET
    await assert_silence(stand)


async def test_open_status_reason_which_no_row_names_means_that_somebody_works_on_it(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await add_status_reason(stand, value=WAITING, label="Negotiating", state=0)
    await pair.seller_edits(statuscode=WAITING)

    await pair.look()

    assert (await pair.referral())["status"] == "Active"
    assert (await pair.opportunity())["statuscode"] == WAITING, "what the seller chose stays"
    await assert_silence(stand)


async def test_label_which_the_crm_lacks_parks_the_status_and_the_rest_goes_on(stand: Stand) -> None:
    pair = await invited_pair(stand)
    await add_status_reason(stand, value=WAITING, label="Waiting for answer", state=0)
    stand.mappings = with_rows({"stage": "on_hold", "state": 0, "label": "Renamed"})
    await pair.seller_edits(statuscode=WAITING, estimatedclosedate="2031-05-31")

    await pair.look()

    row = await pair.opportunity()
    assert (await pair.referral())["status"] == "New"
    assert row["name"].startswith("✖")
    assert "statuses.yaml names “Renamed”, which the CRM does not have" in "\n".join(lines_of(row))


async def test_status_which_cannot_be_written_is_told_and_the_rest_goes_on(stand: Stand) -> None:
    stand.mappings = with_rows({"stage": "lost", "state": 2, "label": "Renamed", "reason": "Others"})
    pair = await shared_pair(stand)
    await close_in_portal(pair, "Lost", **{"/details/notes": "They went on without us.", "/statusReason": "Others"})

    await pair.look_from_partner_center()

    row = await pair.opportunity()
    assert (row["statecode"], row["description"]) == (0, "They went on without us.")
    assert "does not have the status reason which statuses.yaml names for lost" in "\n".join(lines_of(row))

    stand.mappings = MAPPINGS
    await pair.seller_edits(estimatedclosedate="2031-05-31")
    await pair.look()
    assert (await pair.opportunity())["statecode"] == 2
    await assert_silence(stand)
