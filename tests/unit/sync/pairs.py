"""A pair in few words: what both sides say, what they agreed on, and the plan that follows."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from cosell.domain.ids import Side
from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import Direction, FieldRow, Frozen, Kind
from cosell.mapping.variables import Variables
from cosell.sync.plan import Note, Plan
from cosell.sync.planner import Seen, plan_sync
from cosell.sync.stages import StagePair

ROWS = Variables().fill_in(load_mappings()).opportunity.fields
IN_PROGRESS = StagePair(referral=ReferralStage.ACTIVE, opportunity=OpportunityStage.OPEN)
CLOSED_AS_WON = StagePair(referral=ReferralStage.WON, opportunity=OpportunityStage.WON)
AGREED: Mapping[str, Value] = {
    "name": "Wingtip @ Suite",
    "deal_value": Money(amount=Decimal(50000), currency="EUR"),
    "closing_date": date(2027, 3, 31),
    "notes": "They want it before spring.",
    "crm_id": "0a000000-0000-4000-8000-000000000001",
    "referral_id": "0b000000-0000-4000-8000-000000000001",
    "referral_link": "https://partner.example/0b000000-0000-4000-8000-000000000001",
    "microsoft_crm_id": "7-ABCDEF",
    "$referral_stage": "active",
    "$opportunity_stage": "open",
}
"""A base: what a pair in step agreed on last."""


def fields(**changed: Value) -> dict[str, Value]:
    """Return what a side in step says, but for `changed`."""
    return {name: value for name, value in AGREED.items() if name[0] != "$"} | changed


def row(
    *,
    field: str = "name",
    kind: Kind = Kind.TEXT,
    owner: Side = Side.DATAVERSE,
    direction: Direction = Direction.BOTH,
    frozen: Frozen = Frozen.TERMINAL,
) -> FieldRow:
    """Return a row of the mapping for one field."""
    return FieldRow(
        field=field,
        kind=kind,
        partner_center=f"/{field}",
        dataverse=field,
        direction=direction,
        owner=owner,
        frozen=frozen,
    )


def plan(
    *,
    referral: Mapping[str, Value] | None = None,
    opportunity: Mapping[str, Value] | None = None,
    base: Mapping[str, Value] = AGREED,
    stages: StagePair = IN_PROGRESS,
    told: frozenset[str] = frozenset(),
    rows: tuple[FieldRow, ...] = ROWS,
    notes: tuple[Note, ...] = (),
    whole: Mapping[str, Value] | None = None,
    is_shared: bool = False,
    may_answer: bool = True,
) -> Plan:
    """Plan a pair which is in step, but for what is said here."""
    seen = Seen(
        referral=fields() if referral is None else referral,
        opportunity=fields() if opportunity is None else opportunity,
        stages=stages,
        is_shared=is_shared,
        may_answer=may_answer,
        notes=notes,
        whole=whole or {},
    )
    return plan_sync(seen, base=base, told=told, rows=rows)
