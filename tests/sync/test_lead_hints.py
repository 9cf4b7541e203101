"""What the CRM tells about its leads: only those which came from Partner Center are looked at, until they are deals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cosell.mapping.variables import Variables
from cosell.store import Door, Hint, HintKind
from cosell.sync.workspace import Workspace
from tasks.activation import deal_tables
from tasks.inbox import claim_hints
from tasks.opportunities import poll_leads
from tasks.workspace import _current
from tests.sync.fate import Fate
from tests.sync.leads import arrived_lead
from tests.sync.site import know_columns
from tests.sync.stand import VARIABLES, Stand


@asynccontextmanager
async def run_of(
    stand: Stand, fate: Fate | None = None, *, variables: Variables = VARIABLES
) -> AsyncIterator[Workspace]:
    """Open a run in which tasks find their workspace."""
    async with stand.run(fate, variables) as workspace:
        token = _current.set(workspace)
        try:
            yield workspace
        finally:
            _current.reset(token)


async def poll(stand: Stand) -> list[str]:
    """Poll in a run of its own; return the records whose hints it then claims and settles."""
    async with run_of(stand) as workspace:
        await poll_leads.fn()
        claimed = await claim_hints.fn([HintKind.LEAD], 1)
        await workspace.ledger.inbox.settle(workspace.claims)
        return claimed


async def test_poll_tells_of_leads_of_ours_which_moved_and_of_no_others(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    foreign = await stand.crm("POST", "leads", {"subject": "Walked in", "cosell_syncwithpartnercenter": True})
    assert await poll(stand) == []

    await lead.seller_edits(description="Spoke to the bakers.")
    await stand.crm("PATCH", f"leads({foreign['leadid']})", {"subject": "Walked in and out"})
    assert await poll(stand) == [lead.lead_id]
    assert await poll(stand) == []

    await lead.look()
    assert await poll(stand) == []  # What we wrote ourselves is an echo.


async def test_poll_tells_of_a_lead_that_was_deleted(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await poll(stand)
    await stand.crm("DELETE", f"leads({lead.lead_id})")

    assert await poll(stand) == [lead.lead_id]


async def test_lead_that_has_become_a_deal_is_the_opportunitys_affair(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    await poll(stand)
    await lead.seller_qualifies()
    await lead.look()
    await lead.seller_edits(description="Nobody looks here any more.")

    assert await poll(stand) == []


async def test_hints_of_foreign_leads_are_settled_at_once_and_hold_up_nobody(stand: Stand) -> None:
    lead = await arrived_lead(stand)
    foreign = [f"0c000000-0000-4000-8000-{number:012}" for number in range(120)]
    async with run_of(stand) as workspace:
        hints = [Hint(door=Door.DATAVERSE, kind=HintKind.LEAD, record_id=row_id) for row_id in [*foreign, lead.lead_id]]
        await workspace.ledger.inbox.add(hints)

        assert await claim_hints.fn([HintKind.OPPORTUNITY, HintKind.LEAD], 1) == [lead.lead_id]
        assert await workspace.ledger.inbox.count_waiting() == 0


async def test_where_no_leads_arrive_none_are_polled_and_their_table_is_not_needed(stand: Stand) -> None:
    await know_columns(stand)
    fate = Fate()
    async with run_of(stand, fate, variables=Variables(cosell_opportunities_only=True)) as workspace:
        assert await poll_leads.fn() == 0
        assert deal_tables(workspace) == ("opportunity",)
    assert fate.calls() == []
