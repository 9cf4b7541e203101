"""One look at both sides of a pair: from what came over the wire to what the planner wants to see."""

from collections.abc import Mapping
from datetime import datetime

from cosell.dataverse import Row
from cosell.domain.snapshot import Snapshot, is_empty
from cosell.domain.stages import OpportunityStage, ReferralStage, read_referral_stage
from cosell.mapping.fields import Reading, read_opportunity, read_referral
from cosell.mapping.models import STATES, OpportunityColumns
from cosell.mapping.statuses import StatusBook
from cosell.mapping.values import find_pointer
from cosell.partner_center import Referral
from cosell.sync.closing import Reasons
from cosell.sync.deadlines import Deadline, find_deadlines
from cosell.sync.filling import travelling
from cosell.sync.one_way import VISIBILITY_FIELD
from cosell.sync.plan import Note
from cosell.sync.planner import HELP_FIELD, Seen, fingerprint, label
from cosell.sync.stages import StagePair
from cosell.sync.workspace import Workspace

VISIBILITY_POINTER = "/consent/consentToShareReferralWithMicrosoftSellers"


async def look_at(workspace: Workspace, referral: Referral, row: Row) -> Seen:
    """Return what both sides say, in canonical values."""
    codes = await workspace.get_codes(row)
    statuses = await workspace.get_statuses(row)
    status = status_of_opportunity(row, workspace.opportunity.columns)
    document = document_of(referral)
    theirs = read_referral(document, workspace.opportunity, codes=codes, link_template=workspace.link_template)
    ours = read_opportunity(row.values, workspace.opportunity, codes=codes)
    referral_says, opportunity_says = travelling(
        workspace, workspace.opportunity, document, referral=theirs.snapshot, opportunity=ours.snapshot
    )
    return Seen(
        referral=referral_says,
        whole=theirs.whole,
        opportunity=opportunity_says,
        stages=StagePair(referral=stage_of_referral(referral), opportunity=statuses.read_stage(*status)),
        reasons=Reasons(dataverse=statuses.read_reason(*status), partner_center=referral.status_reason or ""),
        unwritable=_find_unwritable(statuses, referral.status_reason or ""),
        is_shared=find_pointer(document, VISIBILITY_POINTER) is True,
        may_answer=workspace.variables.on_hold_answers,
        notes=[
            *parked_notes(theirs),
            *parked_notes(ours),
            *_missing_notes(workspace.missing),
            *_status_notes(statuses, status),
        ],
        deadlines=deadlines_of(referral, now=workspace.clock(), is_wanted=is_cosell_wanted(ours.snapshot)),
    )


def _missing_notes(missing: Mapping[str, str]) -> list[Note]:
    return [
        Note(
            key=f"parked:{field}:column",
            text=f"{label(field)} was left alone: the CRM has no column {column}.",
            is_problem=True,
        )
        for field, column in missing.items()
    ]


def is_cosell_wanted(ours: Snapshot) -> bool:
    """Tell whether the seller wants Microsoft to take part, which makes it a co-sell deal when it is sent."""
    return ours.get(VISIBILITY_FIELD) is True or not is_empty(ours.get(HELP_FIELD))


def deadlines_of(referral: Referral, *, now: datetime, is_wanted: bool = False) -> tuple[Deadline, ...]:
    """Return the clocks of a referral which run now, but for Microsoft's, which stands in its copy."""
    return find_deadlines(
        stage_of_referral(referral),
        now=now,
        created_at=referral.created_date_time,
        expires_at=referral.expiration_date_time,
        is_cosell=is_wanted or referral.consent.consent_to_share_referral_with_microsoft_sellers is True,
    )


def document_of(referral: Referral) -> dict[str, object]:
    """Return a referral as plain JSON, for pointers of the mapping to lead into."""
    return referral.model_dump(by_alias=True)


def stage_of_referral(referral: Referral) -> ReferralStage:
    """Return the stage of a referral."""
    return read_referral_stage(referral.status, referral.substatus)


def status_of_opportunity(row: Row, columns: OpportunityColumns) -> tuple[object, object]:
    """Return state and status reason as the CRM says them."""
    return row.values.get(columns.state), row.values.get(columns.status_reason)


def lacks_status(stage: OpportunityStage) -> str:
    """Return the sentence about a stage whose status reason the CRM does not have."""
    return (
        f"The CRM does not have the status reason which statuses.yaml names for {stage}, so the status was left alone; "
        "an administrator has to mend that."
    )


def _find_unwritable(statuses: StatusBook, reason: str) -> dict[OpportunityStage, str]:
    wanted = (stage for stage in STATES if statuses.find_status(stage, reason=reason) is None)
    return {stage: lacks_status(stage) for stage in wanted}


def _status_notes(statuses: StatusBook, status: tuple[object, object]) -> list[Note]:
    """Say which labels are missing where the status cannot be understood without them."""
    if statuses.read_stage(*status) is not OpportunityStage.UNKNOWN:
        return []
    names = ", ".join(row.name for row in statuses.find_missing(status[0]))
    text = f"Status was left alone: statuses.yaml names {names}, which the CRM does not have."
    return [Note(key=f"parked:status:{fingerprint(names)}", text=text, is_problem=True)] if names else []


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
