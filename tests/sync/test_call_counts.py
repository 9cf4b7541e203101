"""What a change costs in calls to the services, measured and held against the table in docs/delivery.md.

A call is one request, whatever it carries; the poll or listing which found the record is not counted, as many records
share it, and neither is what a codebook looks up once a day.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cosell.domain.ids import OpportunityId
from tests.sync.doors import look_at_opportunity, look_at_referral
from tests.sync.fate import WRITES, Fate
from tests.sync.leads import arrived_lead
from tests.sync.pairs import CLOSING, DEAL_VALUE, NOTES, PairInStep, invited_pair, shared_pair
from tests.sync.sold import SECOND, Shelf, member
from tests.sync.stand import OPEN, PROOF_OF_CONCEPT, Stand
from tests.sync.test_team import COLLEAGUE, give_to

PAGE = Path(__file__).parents[2] / "docs" / "delivery.md"
ROW = re.compile(r"^\| (?P<what>[^|]+?) +\| (?P<calls>\d+) +\| (?P<writes>\d+) +\| (?P<most>[^|]+?) +\|$", re.MULTILINE)
VISIBLE = "/consent/consentToShareReferralWithMicrosoftSellers"
CUSTOMER = {
    "name": "Northwind Bakeries",
    "address": {"addressLine1": "4 Mill Road", "city": "Leeds", "postalCode": "LS1 4AP", "country": "GB"},
    "team": [
        {
            "firstName": "Orla",
            "lastName": "Whitfield",
            "phoneNumber": "+44 113 496 0100",
            "email": "orla.whitfield@northwind-bakeries.example",
        }
    ],
}
Edit = Callable[[PairInStep], Awaitable[object]]

BY_SELLER: dict[str, Edit] = {
    "name, in the CRM": lambda pair: pair.seller_edits(name="Ordering system, phase 2"),
    "deal value, in the CRM": lambda pair: pair.seller_edits(estimatedvalue=52500),
    "closing date, in the CRM": lambda pair: pair.seller_edits(estimatedclosedate="2031-05-31"),
    "notes, in the CRM": lambda pair: pair.seller_edits(description="They want it by summer."),
    "purchase intent, in the CRM": lambda pair: pair.seller_edits(cosell_purchaseintent=273_100_000),
    "sales stage, in the CRM": lambda pair: pair.seller_edits(salesstage=2),
    "campaign, in the CRM": lambda pair: pair.seller_edits(cosell_campaignid="spring"),
    "visibility, in the CRM": lambda pair: pair.seller_edits(cosell_visibletomicrosoft=True),
    "four fields at once, in the CRM": lambda pair: pair.seller_edits(
        name="All", estimatedvalue=1000, estimatedclosedate="2031-05-31", description="New."
    ),
}
BY_COLLEAGUE: dict[str, Edit] = {
    "name, in Partner Center": lambda pair: pair.colleague_edits("/name", "Ordering system, phase 2"),
    "deal value, in Partner Center": lambda pair: pair.colleague_edits(DEAL_VALUE, 52500),
    "closing date, in Partner Center": lambda pair: pair.colleague_edits(CLOSING, "2031-05-31T00:00:00Z"),
    "notes, in Partner Center": lambda pair: pair.colleague_edits(NOTES, "They want it by summer."),
    "visibility, in Partner Center": lambda pair: pair.colleague_edits(VISIBLE, value=True),
}


def promised(what: str) -> tuple[int, int]:
    """Return calls and writes which the page says."""
    rows = {
        found["what"]: (int(found["calls"]), int(found["writes"])) for found in ROW.finditer(PAGE.read_text("utf-8"))
    }
    return rows[what]


def cost(fate: Fate, *, known: int = 0) -> tuple[int, int]:
    """Return calls and writes, without what was asked before."""
    return len(fate.calls()) - known, len(fate.calls(*WRITES))


async def look_after_poll(stand: Stand, opportunity_id: str, *, with_solutions: bool = False) -> tuple[int, int]:
    """Look at an opportunity whose row the poll has brought, and whose choices are known since the morning."""
    fate = Fate()
    async with stand.run(fate) as workspace:
        await workspace.get_codes(await workspace.get_opportunity(OpportunityId(opportunity_id)))
        known = len(fate.calls())
        await look_at_opportunity(workspace, opportunity_id, with_solutions=with_solutions)
    return cost(fate, known=known)


async def look_after_notification(stand: Stand, referral_id: str) -> tuple[int, int]:
    """Look at a referral of which a notification told."""
    fate = Fate()
    async with stand.run(fate) as workspace:
        await workspace.get_codes()
        await workspace.codebook.get_users()
        known = len(fate.calls())
        await look_at_referral(workspace, referral_id)
    return cost(fate, known=known)


async def known_customer(stand: Stand) -> None:
    """Put the customer into the CRM, with the contact."""
    body = {
        "firstname": "Orla",
        "lastname": "Whitfield",
        "emailaddress1": "orla.whitfield@northwind-bakeries.example",
        "parentcustomerid_account@odata.bind": f"/accounts({await stand.write_account()})",
    }
    await stand.crm("POST", "contacts", body)


@pytest.mark.parametrize("what", BY_SELLER)
async def test_field_changed_by_the_seller_costs_three_calls(stand: Stand, what: str) -> None:
    pair = await shared_pair(stand)
    await BY_SELLER[what](pair)
    found = await look_after_poll(stand, pair.opportunity_id)
    assert found == promised(what)
    assert found[0] <= 3
    assert (await look_after_notification(stand, pair.referral_id))[1] == 0, "the echo"


@pytest.mark.parametrize("what", BY_COLLEAGUE)
async def test_field_changed_by_the_colleague_costs_three_calls(stand: Stand, what: str) -> None:
    pair = await shared_pair(stand)
    await BY_COLLEAGUE[what](pair)
    found = await look_after_notification(stand, pair.referral_id)
    assert found == promised(what)
    assert found[0] <= 3
    assert (await look_after_poll(stand, pair.opportunity_id))[1] == 0, "the echo"


async def test_echo_writes_nothing_whatever_it_is_the_echo_of(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    shelf = Shelf(pair)
    await shelf.add_row(SECOND)
    await shelf.look()

    assert await look_after_notification(stand, pair.referral_id) == promised(
        "echo of our own write, from a notification"
    )
    assert await look_after_poll(stand, pair.opportunity_id) == promised("echo of our own write, from the poll")
    assert (await look_after_poll(stand, pair.opportunity_id, with_solutions=True))[1] == 0


async def test_invitation_of_a_known_customer_costs_six_calls_at_most(stand: Stand) -> None:
    await known_customer(stand)
    referral_id = await stand.microsoft_invites(customer=CUSTOMER)
    found = await look_after_notification(stand, referral_id)
    assert found == promised("invitation of a known customer, becomes an opportunity")
    assert found[0] <= 6


async def test_invitation_with_solutions_costs_as_promised(stand: Stand) -> None:
    await known_customer(stand)
    referral_id = await stand.microsoft_invites(customer=CUSTOMER, solutions=[member(SECOND, quantity=2)])
    found = await look_after_notification(stand, referral_id)
    assert found == promised("the same, with a solution which the catalogue lacks")


async def test_lead_costs_as_promised(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await lead.colleague_edits(notes="They want it by summer.")
    found = await look_after_notification(stand, lead.referral_id)
    assert found == promised("notes of a waiting lead, in Partner Center")
    assert found[0] <= 3
    assert (await look_after_notification(stand, lead.referral_id))[1] == 0


async def test_answer_to_an_invitation_costs_as_promised(stand: Stand) -> None:
    """With the owner and the sales team, for now the team goes to Partner Center for the first time."""
    pair = await invited_pair(stand)
    await pair.seller_edits(statuscode=OPEN)
    found = await look_after_poll(stand, pair.opportunity_id)
    assert found == promised("invitation accepted in the CRM, with owner and sales team")


async def test_solution_added_by_the_seller_costs_as_promised(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.add_row(SECOND)
    found = await look_after_poll(stand, pair.opportunity_id, with_solutions=True)
    assert found == promised("solution added in the CRM")


async def test_solution_added_by_the_colleague_costs_as_promised(stand: Stand) -> None:
    pair = await shared_pair(stand)
    shelf = Shelf(pair)
    await shelf.detail(SECOND)
    await shelf.put_members(*await shelf.members(), member(SECOND))
    found = await look_after_notification(stand, pair.referral_id)
    assert found == promised("solution added in Partner Center, known to the catalogue")


async def test_help_costs_as_promised(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    found = await look_after_poll(stand, pair.opportunity_id)
    assert found == promised("help asked of Microsoft for a private deal")


async def test_sharing_costs_as_promised(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    found = await look_after_poll(stand, opportunity_id)
    assert found == promised("opportunity shared for the first time")


async def test_another_owner_costs_as_promised(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await give_to(pair, COLLEAGUE)
    found = await look_after_poll(stand, pair.opportunity_id)
    assert found == promised("another owner, in the CRM")
