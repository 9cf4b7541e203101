"""Microsoft's copy of a deal: invited once when the seller asks for help, and what its status means to the seller."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from cosell.dataverse import Row
from cosell.domain.ids import EngagementId, Side
from cosell.domain.snapshot import Value
from cosell.domain.stages import ReferralStage
from cosell.errors import NotReady, Origin, RequestRejected
from cosell.mapping.codes import ChoiceCodes
from cosell.partner_center import Referral
from cosell.store import Lease
from cosell.sync.deadlines import Deadline, DeadlineKind, answer_by, write_deadlines
from cosell.sync.deal import check_deal, spell_microsofts_copy
from cosell.sync.gather import read_deal
from cosell.sync.hold import keep_lease
from cosell.sync.look import stage_of_referral
from cosell.sync.one_way import asked_note
from cosell.sync.plan import Note, Plan
from cosell.sync.planner import EVENT, HELP_FIELD
from cosell.sync.sort import MICROSOFT
from cosell.sync.workspace import Workspace

SAYS: dict[ReferralStage, str] = {
    ReferralStage.INVITED: "Microsoft was invited; it has 14 days to answer.",
    ReferralStage.ACTIVE: "Microsoft accepted the deal.",
    ReferralStage.WON: "Microsoft closed its side as won.",
    ReferralStage.LOST: "Microsoft closed its side as lost.",
    ReferralStage.DECLINED: "Microsoft declined the deal.",
    ReferralStage.EXPIRED: "Microsoft did not answer within 14 days; its invitation has expired.",
}

TAKES_PART = Note(
    key="help:taken",
    text="Microsoft takes part in this deal already, so it was not asked for help again.",
    is_problem=True,
)


def find_copy_note(copy: Referral) -> Note | None:
    """Return what the seller is told about Microsoft's copy, None when it says nothing new.

    Where Microsoft began the deal, that it takes part is none of it.
    """
    stage = stage_of_referral(copy)
    began_it = (copy.invite_context.invited_by.organization_id or "").lower() == MICROSOFT
    text = SAYS.get(stage)
    if text is None or (began_it and stage is ReferralStage.ACTIVE):
        return None
    return Note(key=f"{EVENT}microsoft:{stage}", text=text)


async def ask_for_help(workspace: Workspace, referral: Referral, row: Row, plan: Plan, *, lease: Lease) -> Plan:
    """Invite Microsoft as the plan says, and return the plan with what became of it.

    Where Microsoft takes part already, its copy says what it was asked for, and that is fixed.

    Raises:
        NotReady: the deal lacks what an invitation needs; every problem at once.
        RequestRejected: Partner Center refuses the invitation.
    """
    copy = await ensure_microsofts_copy(workspace, referral, row, lease=lease)
    note = find_copy_note(copy)
    by = read_microsofts_deadline(copy)
    clock = write_deadlines([Deadline(kind=DeadlineKind.MICROSOFT, at=by)] if by else [])
    plan = replace(plan.with_notes([note] if note else []), base={**plan.base, **clock})
    asked = read_help(workspace, copy)
    if asked == plan.changes_on(Side.PARTNER_CENTER)[HELP_FIELD]:
        return plan.with_notes([asked_note(EVENT)])
    return without_help(plan, base={HELP_FIELD: asked}).with_notes([TAKES_PART])


def read_microsofts_deadline(copy: Referral) -> datetime | None:
    """Return until when Microsoft answers its copy, None when it has answered."""
    if stage_of_referral(copy) is not ReferralStage.INVITED:
        return None
    return answer_by(created_at=copy.created_date_time, expires_at=copy.expiration_date_time)


def without_help(plan: Plan, *, base: Mapping[str, Value]) -> Plan:
    """Return the plan without asking for help; `base` knows what was agreed instead."""
    return plan.without(Side.PARTNER_CENTER, HELP_FIELD, base=base.get(HELP_FIELD))


def read_help(workspace: Workspace, copy: Referral) -> str | None:
    """Return what Microsoft was asked for by its copy; None when that is nothing, or nothing we know."""
    table = workspace.mappings.choices[HELP_FIELD]
    try:
        return ChoiceCodes(table=table, options={}).read_code(copy.invite_context.assistance_request_code)
    except ValueError:
        return None


async def ensure_microsofts_copy(workspace: Workspace, referral: Referral, row: Row, *, lease: Lease) -> Referral:
    """Return Microsoft's copy of our referral's engagement, created when Microsoft was not invited yet.

    Raises:
        NotReady: the deal lacks what an invitation needs; every problem at once.
        RetryableError: we could not look whether it is there already, so nothing was created.
    """
    if referral.engagement_id is None:
        raise RequestRejected("Partner Center gave no engagement.", origin=Origin(record=f"referral {referral.id}"))
    copy = await find_microsofts_copy(workspace, referral.engagement_id)
    if copy is not None:
        return copy
    deal = await read_deal(workspace, row)
    problems = check_deal(deal)
    if problems:
        raise NotReady(problems, origin=Origin(record=f"opportunity {deal.opportunity_id}"))
    await keep_lease(workspace, lease)
    body = spell_microsofts_copy(deal, workspace.mappings, engagement_id=referral.engagement_id)
    return await workspace.partner_center.create_referral(body)


async def find_microsofts_copy(workspace: Workspace, engagement_id: EngagementId) -> Referral | None:
    """Return Microsoft's copy of an engagement, read fresh; None when Microsoft takes no part."""
    copies = await workspace.partner_center.get_engagement(engagement_id)
    return next((copy for copy in copies if copy.is_microsofts_copy), None)
