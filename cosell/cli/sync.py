"""`cosell sync`: brings one record in step now, in this process, as its flow would do it; or all, by reconciling."""

import asyncio

from cosell.cli.hand import GATES, sync_opportunity, sync_referral
from cosell.cli.opening import open_command_workspace, refuse_unless_active
from cosell.cli.reconcile import reconcile
from cosell.cli.records import AllOption, Asked, OpportunityOption, ReferralOption, find_asked
from cosell.cli.showing import terminal
from cosell.settings import Settings, load_settings
from cosell.store import HintKind
from cosell.sync.outcome import Outcome


def sync(referral: ReferralOption = None, opportunity: OpportunityOption = None, everything: AllOption = False) -> None:
    """Bring one record in step now, in this process; refused as long as its flow is not active.

    Prints in one line what it came to. What is refused is filed as a dead letter, and the seller is told in the CRM.
    With --all it does what `cosell reconcile` does.
    """
    asked = find_asked(referral=referral, opportunity=opportunity, everything=everything)
    if asked is None:
        reconcile()
        return
    outcome = asyncio.run(_sync(load_settings(), asked))
    terminal().print(f"✔ {describe_outcome(outcome)}")


async def _sync(settings: Settings, asked: Asked) -> Outcome:
    async with open_command_workspace(settings) as workspace:
        kind = HintKind.OPPORTUNITY if asked.opportunity_id else HintKind.REFERRAL
        await refuse_unless_active(workspace.ledger, GATES[kind])
        if asked.opportunity_id:
            return await sync_opportunity(workspace, asked.opportunity_id)
        assert asked.referral_id is not None  # noqa: S101  Asked has one of the two
        return await sync_referral(workspace, asked.referral_id)


def describe_outcome(outcome: Outcome) -> str:
    """Return what a sync came to, in one line: ids and field names only."""
    parts = [outcome.result.value + (f": {outcome.reason}" if outcome.reason else "")]
    for name, fields in (("Partner Center", outcome.to_partner_center), ("the CRM", outcome.to_dataverse)):
        if fields:
            parts.append(f"to {name} {', '.join(fields)}")
    ids = (("referral", outcome.referral_id), ("lead", outcome.lead_id), ("opportunity", outcome.opportunity_id))
    named = ", ".join(f"{name} {record_id}" for name, record_id in ids if record_id)
    return f"{'; '.join(parts)} ({named})"
