"""Compares one pair as the sync would at its next look: what differs, and what ours would do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cosell.domain.ids import OpportunityId, ReferralId, Side
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import Value, is_empty
from cosell.domain.solution import find_identifier
from cosell.mapping.connector import SYNCED_FIELDS
from cosell.mapping.models import Direction, FieldRow, OpportunityMapping
from cosell.partner_center import Referral
from cosell.sync.adopt.pairing import Match
from cosell.sync.adopt.reading import Left, with_terms
from cosell.sync.deadlines import write_deadlines
from cosell.sync.invite import read_help
from cosell.sync.look import look_at
from cosell.sync.pair import Remark, add_remark
from cosell.sync.plan import Plan
from cosell.sync.planner import BASE_OPPORTUNITY_STAGE, BASE_REFERRAL_STAGE, HELP_FIELD, STAGES, Seen, plan_sync
from cosell.sync.solutions.look import Look, add_solutions, read_members
from cosell.sync.solutions.row import SolutionRow, Spelling
from cosell.sync.solutions.rules import solution_rows

STATUS = "status"
SHARED = "shared"
"""Partner Center's type of a deal in which Microsoft takes part: it has been asked for help, or asked us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field in which the two sides differ.

    `winner` is the side whose value would be on both after a look of ours, None when neither would be written; `rule`
    says why. `was_synced` tells whether the connector keeps this field in step, too: else it is new with us.
    """

    field: str
    partner_center: Value
    dataverse: Value
    winner: Side | None
    rule: str
    was_synced: bool
    is_conflict: bool = False
    """Whether both sides say something, and nobody knows which of the two has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A pair, what both sides say, the plan of our sync, and what they agree on."""

    match: Match
    mapping: OpportunityMapping
    """With the connector's columns."""
    seen: Seen
    plan: Plan
    differences: tuple[Difference, ...]
    base: Mapping[str, Value]
    """What both sides agree on now; where they differ, what they were last seen to agree on."""
    solutions: tuple[SolutionRow, ...] = ()

    @property
    def referral_id(self) -> ReferralId:
        """The referral."""
        return self.match.referral.id

    @property
    def opportunity_id(self) -> OpportunityId:
        """The opportunity."""
        return OpportunityId(self.match.row.id)

    @property
    def is_history(self) -> bool:
        """Whether the deal is over on both sides: then nobody is bothered with what differs."""
        return self.seen.stages.referral.is_terminal and self.seen.stages.opportunity.is_closed

    @property
    def has_drifted(self) -> bool:
        """Whether something differs that the connector keeps in step."""
        return any(item.was_synced for item in self.differences)


async def compare(left: Left, match: Match, base: Mapping[str, Value]) -> Compared:
    """Compare a pair; `base` is what both sides were last seen to agree on, empty at the first look. No call is made.

    Team and customer contact stand in rows of their own and are not compared.
    """
    theirs, referral, row = left.workspace, match.referral, match.row
    opportunity_id = OpportunityId(row.id)
    link = Link(
        link_id="", state=LinkState.LINKED, referral_id=referral.id, opportunity_id=opportunity_id, base=dict(base)
    )
    seen = await look_at(theirs, referral, row)
    seen = add_remark(seen, Remark(values=_read_elsewhere(left, referral, seen)), theirs, link, row)
    told = {name: value for name, value in seen.referral.items() if name in left.filled and not is_empty(value)}
    seen = replace(seen, opportunity={**seen.opportunity, **told})
    spelling = Spelling(base)
    members = read_members(referral, spelling)
    rows = left.solutions.get(opportunity_id, ())
    if left.tables:
        terms = {item.identifier.casefold(): item.terms for item in members.solutions.values()}
        rows = with_terms(rows, terms, left.tables)
    look = Look(members=members, rows=rows if left.tables else None, spelling=spelling)
    seen = add_solutions(seen, look, link)
    fields = theirs.opportunity.fields
    plan = plan_sync(seen, base=base, told=frozenset(), rows=fields)
    wanted = (*fields, *solution_rows(seen.referral, seen.opportunity, base))
    return Compared(
        match=match,
        mapping=theirs.opportunity,
        seen=seen,
        plan=plan,
        differences=tuple(_iter_differences(seen, plan, wanted, base)),
        base=_agreed(seen, plan, wanted, base),
        solutions=rows,
    )


def _read_elsewhere(left: Left, referral: Referral, seen: Seen) -> dict[str, Value]:
    """Return what stands in Microsoft's copy, as far as the listing shows it.

    Without the copy, a shared deal has been sent with the help which the CRM says: the connector asks while it creates,
    and what was asked is fixed.
    """
    copy = left.copies.get(referral.engagement_id) if referral.engagement_id else None
    if copy is not None:
        said: dict[str, Value] = {HELP_FIELD: read_help(left.workspace, copy)}
        return said | ({"microsoft_crm_id": copy.microsoft_crm_id} if copy.microsoft_crm_id else {})
    is_shared = (referral.type or "").lower() == SHARED
    return {HELP_FIELD: seen.opportunity.get(HELP_FIELD) if is_shared else None}


def _iter_differences(
    seen: Seen, plan: Plan, rows: Sequence[FieldRow], base: Mapping[str, Value]
) -> "list[Difference]":
    changes = {change.field: change for change in plan.changes}
    found: list[Difference] = []
    for row in rows:
        name = row.field
        if name not in seen.referral or name not in seen.opportunity or row.direction is not Direction.BOTH:
            continue
        theirs, ours = seen.referral[name], seen.opportunity[name]
        if _is_same(theirs, ours) or _is_same(seen.whole.get(name, theirs), ours):
            continue
        change = changes.get(name)
        found.append(
            Difference(
                field=name,
                partner_center=theirs,
                dataverse=ours,
                winner=change.side.other if change else None,
                rule=change.rule if change else "neither would be written",
                was_synced=name in SYNCED_FIELDS or find_identifier(name) is not None,
                is_conflict=name not in base and not (is_empty(theirs) or is_empty(ours)) and not row.one_way,
            )
        )
    return found + _find_status(seen, plan)


def _is_same(one: Value, other: Value) -> bool:
    return one == other or (is_empty(one) and is_empty(other))


def _find_status(seen: Seen, plan: Plan) -> list[Difference]:
    """Return the status as a difference when our sync would move a side, or could not have what the CRM says."""
    stage = plan.stage
    if not (stage.move_referral_to or stage.move_opportunity_to or stage.refused):
        return []
    winner = Side.DATAVERSE if stage.move_referral_to else Side.PARTNER_CENTER if stage.move_opportunity_to else None
    return [
        Difference(
            field=STATUS,
            partner_center=seen.stages.referral.value,
            dataverse=seen.stages.opportunity.value,
            winner=winner,
            rule=stage.rule,
            was_synced=True,
        )
    ]


def _agreed(seen: Seen, plan: Plan, rows: Sequence[FieldRow], base: Mapping[str, Value]) -> dict[str, Value]:
    agreed: dict[str, Value] = {}
    for row in rows:
        name = row.field
        theirs, ours = seen.referral.get(name), seen.opportunity.get(name)
        if name in seen.referral and name in seen.opportunity and _is_same(theirs, ours):
            agreed[name] = ours if not is_empty(ours) else theirs
        elif name in base:
            agreed[name] = base[name]
    stage = plan.stage
    if not (stage.move_referral_to or stage.move_opportunity_to or stage.refused):
        agreed[BASE_REFERRAL_STAGE] = seen.stages.referral.value
        agreed[BASE_OPPORTUNITY_STAGE] = seen.stages.opportunity.value
    else:
        agreed |= {name: base[name] for name in STAGES if name in base}
    return agreed | write_deadlines(seen.deadlines)


def settled(item: Difference) -> Value:
    """Return what both sides would say after a look of ours, None when neither would be written."""
    match item.winner:
        case Side.PARTNER_CENTER:
            return item.partner_center
        case Side.DATAVERSE:
            return item.dataverse
    return None


def value_now(compared: Compared, name: str) -> tuple[Value, Value]:
    """Return what Partner Center and the CRM say of a field now."""
    if name == STATUS:
        return compared.seen.stages.referral.value, compared.seen.stages.opportunity.value
    return compared.seen.referral.get(name), compared.seen.opportunity.get(name)
