"""Carries out a plan: conflicts are filed, then Partner Center is written, then the CRM; what both agree on comes last.

Each write carries the etag that was read. Whatever breaks in between, the base still says what both agreed on before,
so the next look finds what is left to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cosell.dataverse import Closing, Row
from cosell.domain.ids import OpportunityId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import Value
from cosell.domain.stages import REFERRAL_STATUSES, OpportunityStage, ReferralStage
from cosell.errors import RejectedError, RequestRejected
from cosell.mapping.fields import to_columns, to_json_patch
from cosell.mapping.models import FieldRow
from cosell.mapping.statuses import WrittenStatus
from cosell.mapping.values import strip_mark
from cosell.partner_center import Referral
from cosell.store import Conflict, JournalEntry, Lease
from cosell.sync.audit import mark_name
from cosell.sync.deadlines import find_next_reminder, read_deadlines
from cosell.sync.invite import ask_for_help, without_help
from cosell.sync.look import document_of, lacks_status
from cosell.sync.outcome import Outcome, Result
from cosell.sync.plan import Plan
from cosell.sync.planner import BASE_OPPORTUNITY_STAGE, BASE_REFERRAL_STAGE, HELP_FIELD, STAGES
from cosell.sync.solutions.look import Look
from cosell.sync.solutions.rules import pick_solutions
from cosell.sync.solutions.write import etags_of, spell_solutions, write_with_solutions
from cosell.sync.telling import as_text, conflicts_of, journal_of, names_of, tell_seller
from cosell.sync.workspace import Workspace

HAS_PROBLEM = "✖"
"""Stands among what the seller was told while the opportunity carries this mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A link with both of its records as they were read, and what was seen of their solutions."""

    link: Link
    referral: Referral
    row: Row
    solutions: Look


async def apply_plan(workspace: Workspace, pair: Pair, plan: Plan, *, lease: Lease, run_id: str = "") -> Outcome:
    """Write what the plan says and record what both sides then agree on.

    Raises:
        StaleEtag: a record moved since it was read; read again and plan anew.
        RejectedError: a service refused; nothing was recorded.
    """
    conflicts = conflicts_of(plan, pair.link, found_at=workspace.clock())
    # Before the first write: once overwritten, the value which loses is nowhere else.
    await workspace.ledger.conflicts.file(conflicts)
    recorder = _Recorder(
        workspace=workspace, plan=plan, conflicts=conflicts, lease=lease, run_id=run_id, before=pair.link.base
    )
    referral = await _write_referral(workspace, pair, plan)
    if referral is not pair.referral:
        await recorder.record_sent(pair.link)
    refusal: RejectedError | None = None
    if HELP_FIELD in plan.changes_on(Side.PARTNER_CENTER):
        # After the referral, which has to be visible first. A refusal holds up nothing else.
        try:
            plan = await ask_for_help(workspace, referral, pair.row, plan, lease=lease)
        except RejectedError as error:
            plan, refusal = without_help(plan, base=pair.link.base), error
        recorder = replace(recorder, plan=plan)
    written = await _write_crm(workspace, pair, plan)
    plan, row, refusal = written.plan, written.row, refusal or written.refusal
    recorder = replace(recorder, plan=plan, solution_rows=written.solution_rows)
    await recorder.record_agreed(pair.link, referral_etag=referral.etag, opportunity_etag=row.etag)
    if refusal is not None:
        raise refusal
    moved = plan.moves_opportunity_to or plan.moves_referral_to
    wrote = bool(plan.changes or moved or row is not pair.row)
    return Outcome(
        result=Result.WRITTEN if wrote else Result.IN_STEP,
        referral_id=pair.link.referral_id,
        opportunity_id=pair.link.opportunity_id,
        to_partner_center=names_of(plan, Side.PARTNER_CENTER, moved=bool(plan.moves_referral_to)),
        to_dataverse=names_of(plan, Side.DATAVERSE, moved=bool(plan.moves_opportunity_to)),
    )


async def _write_referral(workspace: Workspace, pair: Pair, plan: Plan) -> Referral:
    changes = plan.changes_on(Side.PARTNER_CENTER)
    operations = to_json_patch(changes, workspace.opportunity, document_of(pair.referral))
    operations += await spell_solutions(workspace, changes, pair.referral, pair.solutions)
    # First, as what is frozen once the deal is visible may travel together with what makes it so.
    operations = [*({"op": "replace", "path": path, "value": value} for path, value in plan.lists.items()), *operations]
    if plan.moves_referral_to:
        operations += spell_stage(plan.moves_referral_to, reason=plan.reason)
    if not operations:
        return pair.referral
    referral = await workspace.partner_center.update_referral(
        pair.referral.id, operations, etag=pair.referral.etag or ""
    )
    workspace.reads.referrals[referral.id] = referral
    return referral


def spell_stage(stage: ReferralStage, *, reason: str = "") -> list[dict[str, object]]:
    """Spell a referral's new stage; status and substatus always travel together (Microsoft: Update a referral)."""
    status, substatus = REFERRAL_STATUSES[stage]
    members = {"/status": status, "/substatus": substatus} | ({"/statusReason": reason} if reason else {})
    return [{"op": "replace", "path": path, "value": value} for path, value in members.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What the CRM has taken: its row, the rows of solutions by id, and what it refused of them."""

    plan: Plan
    row: Row
    solution_rows: Mapping[str, str] | None
    refusal: RejectedError | None = None


async def _write_crm(workspace: Workspace, pair: Pair, plan: Plan) -> _Written:
    """Write the opportunity with its solutions; a refusal of solutions holds up nothing else."""
    try:
        return await _write_opportunity(workspace, pair, plan)
    except RejectedError as error:
        if not pick_solutions(plan.changes_on(Side.DATAVERSE)):
            raise
        for name in pick_solutions(plan.changes_on(Side.DATAVERSE)):
            plan = plan.without(Side.DATAVERSE, name, base=pair.link.base.get(name))
        return replace(await _write_opportunity(workspace, pair, plan), refusal=error)


async def _write_opportunity(workspace: Workspace, pair: Pair, plan: Plan) -> _Written:
    changes = plan.changes_on(Side.DATAVERSE)
    body = to_columns(changes, workspace.opportunity, codes=await workspace.get_codes()) | dict(plan.filled)
    stage = plan.moves_opportunity_to
    if stage and not stage.is_closed:
        body |= status_columns(await find_status(workspace, stage))
    body |= tell_seller(workspace, pair.row, plan, workspace.opportunity.columns)
    row, rows = pair.row, etags_of(pair.solutions.rows)
    if pick_solutions(changes):
        row, rows = await write_with_solutions(workspace, pair.row, body, changes, pair.solutions)
    elif body:
        row = await workspace.dataverse.update(
            workspace.opportunity.set, row.id, body, etag=row.etag, select=workspace.select
        )
    if stage and stage.is_closed:
        row = await _close_opportunity(workspace, replace(pair, row=row), plan, stage)
    workspace.reads.opportunities[OpportunityId(row.id)] = row
    return _Written(plan=plan, row=row, solution_rows=rows)


async def _close_opportunity(workspace: Workspace, pair: Pair, plan: Plan, stage: OpportunityStage) -> Row:
    """Close by the CRM's own actions: it refuses won and lost as plain columns (Dataverse code 0x80100005)."""
    status = (await find_status(workspace, stage, reason=plan.reason)).status_reason
    closing = Closing(
        subject=f"Closed as {plan.stages.referral} in Partner Center",
        closed_on=(pair.referral.closed_date_time or workspace.clock()).date(),
        revenue=plan.revenue.amount if plan.revenue else None,
        note=plan.reason or None,
    )
    close = workspace.dataverse.win if stage is OpportunityStage.WON else workspace.dataverse.lose
    return await close(pair.row.id, closing, status=status, select=workspace.select)


def is_mark_right(workspace: Workspace, row: Row) -> bool:
    """Tell whether an opportunity's name carries a mark just when the setting says that names do."""
    name = as_text(row.values.get(workspace.opportunity.columns.name)) or ""
    bare = strip_mark(name)
    if bare is None or name != bare:
        return workspace.variables.show_check_mark
    with_mark = mark_name(bare, has_problem=False, show_check_mark=workspace.variables.show_check_mark)
    return with_mark == bare


async def find_status(workspace: Workspace, stage: OpportunityStage, *, reason: str = "") -> WrittenStatus:
    """Return the state and status reason which the mapping writes for a stage.

    Raises:
        RequestRejected: the mapping names it by a label which the CRM does not have.
    """
    status = (await workspace.get_statuses()).find_status(stage, reason=reason)
    if status is None:
        raise RequestRejected(lacks_status(stage))
    return status


def status_columns(status: WrittenStatus) -> dict[str, object]:
    """Spell state and status reason."""
    return {"statecode": status.state, "statuscode": status.status_reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorder:
    """Records one plan in two strokes: what Partner Center has taken, then that both sides agree."""

    workspace: Workspace
    plan: Plan
    conflicts: list[Conflict]
    lease: Lease
    run_id: str
    before: Mapping[str, Value]
    """The base as it was when the plan was made."""
    solution_rows: Mapping[str, str] | None = None
    """The CRM's rows of solutions as they were left, etags by id; None when they were not looked at."""

    async def record_sent(self, link: Link) -> None:
        """Record the fields which are the same on both sides by now, whatever becomes of the write to the CRM.

        Without this, a seller who saves between the two writes would be in conflict with our own first one.
        """
        sent = self.plan.changes_on(Side.PARTNER_CENTER)
        sent.pop(HELP_FIELD, None)  # Its turn is yet to come.
        stages = {name: value for name, value in self.plan.base.items() if name in STAGES}
        # A default which both sides get is agreed on once both have it: else the CRM would seem to have emptied it.
        twice = self.plan.changes_on(Side.DATAVERSE).keys() & {row.field for row in self._defaulted}
        agreed = {name: self.plan.base.get(name, value) for name, value in sent.items() if name not in twice}
        base = {**link.base, **agreed, **(stages if self.plan.moves_referral_to else {})}
        await self._record(replace(link, base=base), Side.PARTNER_CENTER, solution_rows=None)

    @property
    def _defaulted(self) -> list[FieldRow]:
        return [row for row in self.workspace.opportunity.fields if row.default is not None]

    async def record_agreed(self, link: Link, *, referral_etag: str | None, opportunity_etag: str) -> None:
        """Record what both sides agree on, and how both records were left."""
        agreed = replace(
            link,
            state=LinkState.LINKED,
            referral_etag=referral_etag,
            opportunity_etag=opportunity_etag,
            base=dict(self.plan.base),
            told=self.plan.told | ({HAS_PROBLEM} if self.plan.has_problem else set()),
            synced_at=self.workspace.clock(),
            remind_at=find_next_reminder(read_deadlines(self.plan.base), now=self.workspace.clock()),
        )
        await self._record(agreed, Side.DATAVERSE, solution_rows=self.solution_rows)

    async def _record(self, link: Link, side: Side, *, solution_rows: Mapping[str, str] | None) -> None:
        now = self.workspace.clock()
        journal = journal_of(self.plan, link, at=now, run_id=self.run_id, sides={side})
        moved = self.plan.moves_referral_to if side is Side.PARTNER_CENTER else self.plan.moves_opportunity_to
        if moved:
            stage = BASE_REFERRAL_STAGE if side is Side.PARTNER_CENTER else BASE_OPPORTUNITY_STAGE
            journal.append(
                JournalEntry(
                    at=now,
                    link_id=link.link_id,
                    side=side,
                    field="status",
                    old=self.before.get(stage),
                    new=moved.value,
                    rule=self.plan.stage.rule,
                    flow_run_id=self.run_id or None,
                )
            )
        await self.workspace.ledger.record_sync(
            link, lease=self.lease, journal=journal, conflicts=self.conflicts, solution_rows=solution_rows
        )
