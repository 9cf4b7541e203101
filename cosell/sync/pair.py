"""Looks at one pair and brings it in step: lease, read both sides, plan, check, apply, record. In that order."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import Value
from cosell.errors import Origin, RecordNotFound, StaleEtag
from cosell.mapping.models import HELP
from cosell.mapping.rows import read_default
from cosell.partner_center import Referral
from cosell.store import Lease
from cosell.sync.apply import Pair, apply_plan, is_mark_right
from cosell.sync.deadlines import Deadline, DeadlineKind, iter_notes, read_deadlines, still_running
from cosell.sync.filling import plan_fill
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.look import document_of, look_at
from cosell.sync.one_way import private_note, visible_note
from cosell.sync.outcome import Outcome, Result
from cosell.sync.people import Place, plan_people
from cosell.sync.plan import FieldConflict, Note, Plan
from cosell.sync.planner import EVENT, Seen, conflict_note, plan_sync
from cosell.sync.roster import read_people
from cosell.sync.solutions.look import LATER, add_solutions, look_at_solutions
from cosell.sync.test_mode import keep_private
from cosell.sync.workspace import Workspace

ATTEMPTS = 4
"""How often a pair is read again when somebody else writes at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What the caller knows beyond the two records: notes for the seller, and values that stand elsewhere."""

    notes: tuple[Note, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    """Field values which Partner Center says in another copy of the engagement."""
    deadlines: Mapping[DeadlineKind, datetime | None] = field(default_factory=dict)
    """Clocks which another copy knows, None for one that does not run any more."""
    is_due: bool = False
    """Whether time has passed, so that even two records as we left them are looked at."""

    def is_news(self, link: Link) -> bool:
        """Tell whether it says what the pair does not know yet, or the seller has not been told."""
        known = {item.kind: item.at for item in read_deadlines(link.base)}
        if self.is_due or any(known.get(kind) != at for kind, at in self.deadlines.items()):
            return True
        if any(link.base.get(name) != value for name, value in self.values.items()):
            return True
        return any(note.key not in link.told for note in self.notes)


NO_REMARK = Remark()
SHARED = Note(key=f"{EVENT}shared", text="Shared with Partner Center.")


async def sync_link(
    workspace: Workspace,
    link: Link,
    *,
    remark: Remark = NO_REMARK,
    with_people: bool = False,
    with_solutions: bool = False,
    run_id: str = "",
) -> Outcome:
    """Bring one pair in step.

    The sales team and the customer's contact stand in rows of their own, which cost calls to read. `with_people` says
    that they moved; without it they are read only where the opportunity itself says so.

    The CRM's rows of solutions are no part of the opportunity and cost a call to read. `with_solutions` says that they
    moved; without it they are read only when the pair meets first, or when the referral's solutions moved.

    Raises:
        LeaseHeld: another run has it in hand.
        StaleEtag: it moved each time we looked.
        RecordNotFound: one side is gone.
        RejectedError: a service refused, or the plan is not safe.
    """
    async with workspace.ledger.leases.hold(
        [f"link:{link.link_id}"], holder=workspace.holder, seconds=LEASE_SECONDS
    ) as lease:
        for attempt in range(ATTEMPTS):
            try:
                return await _sync_once(
                    workspace,
                    link,
                    remark=remark,
                    with_people=with_people,
                    with_solutions=with_solutions,
                    is_fresh=attempt > 0,
                    lease=lease,
                    run_id=run_id,
                )
            except StaleEtag:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")


async def _sync_once(
    workspace: Workspace,
    link: Link,
    *,
    remark: Remark,
    with_people: bool,
    with_solutions: bool,
    is_fresh: bool,
    lease: Lease,
    run_id: str,
) -> Outcome:
    link = await workspace.ledger.links.get(link.link_id)  # under the lease: another run may just have recorded it
    referral, row = await _read_both(workspace, link, is_fresh=is_fresh)
    if not workspace.is_switched_on(row):
        if with_solutions and LATER not in link.told:
            await workspace.ledger.links.save(replace(link, told=link.told | {LATER}))
        return _outcome(link, Result.SKIPPED, "Sync with Partner Center is set to No")
    is_as_left = is_echo(link, referral, row) and is_mark_right(workspace, row) and not remark.is_news(link)
    if is_as_left and not with_people and not with_solutions:
        return _outcome(link, Result.ECHO)
    solutions = await look_at_solutions(workspace, link, referral, is_asked=with_solutions, is_fresh=is_fresh)
    seen = add_remark(await look_at(workspace, referral, row), remark, workspace, link, row)
    seen = add_solutions(seen, solutions, link)
    rows = workspace.opportunity.fields
    plan = plan_sync(seen, base=link.base, told=link.told, rows=rows)
    untold = await _find_untold(workspace, link, plan)
    if untold:
        seen = replace(seen, notes=[*seen.notes, *untold])
        plan = plan_sync(seen, base=link.base, told=link.told, rows=rows)
    # What was refused last may have been about people; nobody says so again.
    was_refused = link.state is LinkState.LINKED and link.referral_etag is None
    people = await read_people(workspace, link, row, seen=seen, plan=plan, is_asked=with_people or was_refused)
    place = Place(document=document_of(referral), mapping=workspace.mappings.contact)
    plan = plan_people(plan, people, place, seen=seen, base=link.base)
    plan = await plan_fill(workspace, plan, seen, document_of(referral), row, told=link.told)
    plan.raise_if_unsafe(f"opportunity {row.id}")
    pair = Pair(link=link, referral=referral, row=row, solutions=solutions)
    outcome = await apply_plan(workspace, pair, plan, lease=lease, run_id=run_id)
    return replace(outcome, result=Result.ECHO) if is_as_left and outcome.result is Result.IN_STEP else outcome


def add_remark(seen: Seen, remark: Remark, workspace: Workspace, link: Link, row: Row) -> Seen:
    """Return what was seen with what stands elsewhere: what Microsoft's copy says, and what only a first look knows.

    What Microsoft was asked for stands in its copy, and does not change: the base remembers it. The opportunity which
    does not know its referral yet is the one that was shared: one that arrived has the id from its first moment.
    """
    own = workspace.opportunity
    asked = {item.field: link.base.get(item.field) for item in own.fields if item.partner_center == HELP}
    is_shared_now = link.state is LinkState.CREATING and not row.values.get(own.columns.referral_id)
    shared = [SHARED, visible_note(EVENT) if seen.is_shared else private_note(EVENT)] if is_shared_now else []
    deadlines = add_microsofts(seen, remark, link)
    clocks = iter_notes(
        [item for item in deadlines if not seen.stages.opportunity.is_closed],
        stage=seen.stages.referral,
        now=workspace.clock(),
        event=EVENT,
        may_answer=seen.may_answer,
    )
    notes = {note.key: note for note in [*seen.notes, *shared, *remark.notes, *clocks]}
    whole = replace(
        seen,
        referral={**seen.referral, **asked, **remark.values},
        notes=list(notes.values()),
        deadlines=deadlines,
        defaults=_defaults_of(workspace, seen) if is_shared_now else {},
    )
    return keep_private(whole) if workspace.is_test else whole


def _defaults_of(workspace: Workspace, seen: Seen) -> dict[str, Value]:
    """Return the defaults with which a deal is shared; those which its referral was made with stand there already."""
    today = workspace.clock().date()
    return {
        row.field: read_default(row.kind, row.default, today=today)
        for row in workspace.opportunity.fields
        if row.default is not None and row.field in seen.opportunity
    }


def add_microsofts(seen: Seen, remark: Remark, link: Link) -> tuple[Deadline, ...]:
    """Return the clocks of a deal with that of Microsoft's copy, as it says now or as it said last."""
    known = {item.kind: item.at for item in read_deadlines(link.base)}
    at = remark.deadlines.get(DeadlineKind.MICROSOFT, known.get(DeadlineKind.MICROSOFT))
    microsofts = [Deadline(kind=DeadlineKind.MICROSOFT, at=at)] if at else []
    return (*seen.deadlines, *still_running(microsofts, seen.stages.referral))


async def _find_untold(workspace: Workspace, link: Link, plan: Plan) -> list[Note]:
    """Return what the seller was not told about conflicts, because the run ended between its first write and its last.

    They are on file, later than what was recorded last; and the value that won is the one on which both agree now.
    """
    decided = {conflict.field for conflict in plan.conflicts}
    filed = [item.conflict for item in await workspace.ledger.conflicts.find_open(link.link_id)]
    return [
        conflict_note(
            FieldConflict(
                field=conflict.field,
                partner_center=conflict.partner_center,
                dataverse=conflict.dataverse,
                winner=conflict.winner,
            )
        )
        for conflict in filed
        if conflict.winner is not None
        and conflict.field not in decided
        and plan.base.get(conflict.field) == conflict.settled_value
        and (link.synced_at is None or conflict.found_at is None or conflict.found_at > link.synced_at)
    ]


def is_echo(link: Link, referral: Referral, row: Row) -> bool:
    """Tell whether both records are as we left them."""
    return link.referral_etag == referral.etag and link.opportunity_etag == row.etag


async def _read_both(workspace: Workspace, link: Link, *, is_fresh: bool) -> tuple[Referral, Row]:
    if link.referral_id is None or link.opportunity_id is None:
        raise RecordNotFound("The link is not complete yet.", origin=Origin(record=f"link {link.link_id}"))
    row = await workspace.get_opportunity(link.opportunity_id, is_fresh=is_fresh)
    if row is None:
        raise RecordNotFound(
            "The opportunity is gone from the CRM; the referral was left as it is.",
            origin=Origin(service="Dataverse", record=f"opportunity {link.opportunity_id}"),
        )
    referral = await workspace.get_referral(link.referral_id, is_fresh=is_fresh)
    if referral is None:
        raise RecordNotFound(
            "The referral is gone from Partner Center, or this user may not see it; the opportunity was left as it is.",
            origin=Origin(service="Partner Center", record=f"referral {link.referral_id}"),
        )
    return referral, row


def _outcome(link: Link, result: Result, reason: str = "") -> Outcome:
    return Outcome(
        result=result,
        referral_id=ReferralId(link.referral_id) if link.referral_id else None,
        opportunity_id=OpportunityId(link.opportunity_id) if link.opportunity_id else None,
        reason=reason,
    )
