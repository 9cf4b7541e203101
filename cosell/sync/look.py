"""One look at both sides of a pair: from what came over the wire to what the planner wants to see."""

from collections.abc import Mapping

from cosell.dataverse import Row
from cosell.domain.stages import OpportunityStage, ReferralStage, read_referral_stage
from cosell.mapping.fields import Reading, read_opportunity, read_referral
from cosell.mapping.models import Statuses
from cosell.mapping.values import find_pointer
from cosell.partner_center import Referral
from cosell.sync.plan import Note
from cosell.sync.planner import Seen, fingerprint, label
from cosell.sync.stages import StagePair
from cosell.sync.workspace import Workspace

VISIBILITY_POINTER = "/consent/consentToShareReferralWithMicrosoftSellers"


async def look_at(workspace: Workspace, referral: Referral, row: Row) -> Seen:
    """Return what both sides say, in canonical values."""
    codes = await workspace.get_codes(row)
    document = document_of(referral)
    theirs = read_referral(document, workspace.opportunity, codes=codes, link_template=workspace.link_template)
    ours = read_opportunity(row.values, workspace.opportunity, codes=codes)
    return Seen(
        referral=theirs.snapshot,
        whole=theirs.whole,
        opportunity=ours.snapshot,
        stages=StagePair(
            referral=stage_of_referral(referral), opportunity=stage_of_opportunity(row, workspace.mappings.statuses)
        ),
        is_shared=find_pointer(document, VISIBILITY_POINTER) is True,
        may_answer=workspace.variables.on_hold_answers,
        notes=[*parked_notes(theirs), *parked_notes(ours)],
    )


def document_of(referral: Referral) -> dict[str, object]:
    """Return a referral as plain JSON, for pointers of the mapping to lead into."""
    return referral.model_dump(by_alias=True)


def stage_of_referral(referral: Referral) -> ReferralStage:
    """Return the stage of a referral."""
    return read_referral_stage(referral.status, referral.substatus)


def stage_of_opportunity(row: Row, statuses: Statuses) -> OpportunityStage:
    """Return the stage of an opportunity; a status reason which the mapping lacks is judged by the state alone."""
    state, reason = row.values.get("statecode"), row.values.get("statuscode")
    rows = statuses.opportunity
    exact = next((item.stage for item in rows if (item.state, item.status_reason) == (state, reason)), None)
    if exact is not None:
        return exact
    # A partner's own status reason of an open opportunity means that somebody works on it.
    by_state: Mapping[object, OpportunityStage] = {
        0: OpportunityStage.OPEN,
        1: OpportunityStage.WON,
        2: OpportunityStage.LOST,
    }
    return by_state.get(state, OpportunityStage.UNKNOWN)


def parked_notes(reading: Reading) -> list[Note]:
    """Return what the seller is told about values that were not understood."""
    return [
        Note(
            key=f"parked:{field}:{fingerprint(reason)}",
            text=f"{label(field)} was left alone: {reason}.",
            is_problem=True,
        )
        for field, reason in reading.parked.items()
    ]
