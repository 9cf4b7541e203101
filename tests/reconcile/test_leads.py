"""What comparing finds about leads, and that healing it leaves nothing to find."""

from collections.abc import Awaitable, Callable

import pytest

from cosell.sync.reconcile.finding import Cause, Kind
from tests.reconcile.rounds import assert_nothing_left, reconcile
from tests.reconcile.test_compare import found
from tests.sync.doors import assert_silence
from tests.sync.leads import LeadInStep, arrived_lead
from tests.sync.stand import Stand


async def colleague_accepts(lead: LeadInStep) -> None:
    await lead.colleague_accepts()


async def colleague_declines(lead: LeadInStep) -> None:
    await lead.colleague_closes("Declined")


async def seller_qualifies(lead: LeadInStep) -> None:
    await lead.seller_qualifies()


async def seller_disqualifies(lead: LeadInStep) -> None:
    await lead.seller_disqualifies()


@pytest.mark.parametrize(
    ("answer", "cause", "state"),
    [
        (colleague_accepts, Cause.LOST_NOTIFICATION, 1),
        (colleague_declines, Cause.LOST_NOTIFICATION, 2),
        (seller_qualifies, Cause.LOST_POLL, 1),
        (seller_disqualifies, Cause.LOST_POLL, 2),
    ],
)
async def test_answer_to_a_lead_which_nobody_told_of_is_found_as_a_drift_and_healed(
    stand: Stand, answer: Callable[[LeadInStep], Awaitable[None]], cause: Cause, state: int
) -> None:
    lead = await arrived_lead(stand)
    await answer(lead)

    (finding,) = await found(stand)
    await reconcile(stand)

    assert (finding.kind, finding.cause, finding.fields) == (Kind.DRIFTED, cause, ("status",))
    assert finding.changes_something
    assert (await lead.lead())["statecode"] == state
    await assert_nothing_left(stand)
    await assert_silence(stand)
