"""Plans one referral and its lead with the planner of all pairs: a lead is an opportunity on hold. Pure.

So the same rules hold for its fields: what moves in Partner Center comes over, what the seller changes waits until the
invitation is answered, and nothing is lost without a trace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cosell.domain.snapshot import Value
from cosell.domain.stages import LeadStage, OpportunityStage
from cosell.mapping.models import FieldRow
from cosell.sync.leads.stages import NOT_UNDERSTOOD, LeadDecision, LeadMove, LeadSeen
from cosell.sync.plan import Note, Plan
from cosell.sync.planner import EVENT, STAGES, WAITS, Seen, plan_sync
from cosell.sync.stages import EXPECTED, StageDecision, StagePair

LEAD_WAITS = replace(
    WAITS,
    text="What you change here is sent when you have answered the lead: qualify it to accept, or disqualify it to "
    "decline.",
)


def plan_lead(
    seen: Seen,
    stages: LeadSeen,
    decision: LeadDecision,
    *,
    base: Mapping[str, Value],
    told: frozenset[str],
    rows: Sequence[FieldRow],
) -> Plan:
    """Return what one look at a referral and its lead asks for, but for qualifying, which makes another record."""
    seen = replace(
        seen,
        stages=StagePair(referral=stages.referral, opportunity=_in_words_of_opportunities(stages, decision)),
        notes=[*seen.notes, *_stage_notes(stages, decision)],
    )
    plan = plan_sync(seen, base=base, told=told, rows=rows)
    if decision.refused:
        kept = {name: base[name] for name in STAGES if name in base}
        plan = replace(plan, base={name: value for name, value in plan.base.items() if name not in STAGES} | kept)
    return replace(
        plan,
        stage=StageDecision(rule=decision.rule, move_referral_to=decision.move_referral_to, refused=decision.refused),
        notes=_in_words_of_leads(plan.notes),
        news=_in_words_of_leads(plan.news),
    )


def _in_words_of_opportunities(stages: LeadSeen, decision: LeadDecision) -> OpportunityStage:
    """Return the stage which asks the opportunity's status machine for what was decided about the lead."""
    if decision.refused or stages.lead is LeadStage.QUALIFIED:
        return EXPECTED[stages.referral]
    return OpportunityStage.LOST if stages.lead is LeadStage.DISQUALIFIED else OpportunityStage.ON_HOLD


def _stage_notes(stages: LeadSeen, decision: LeadDecision) -> list[Note]:
    if decision.move is LeadMove.DISQUALIFY:
        text = f"Disqualified: the referral is closed as {stages.referral} in Partner Center."
        return [Note(key=f"{EVENT}disqualified:{stages.referral}", text=text)]
    if decision.refused and stages.referral not in NOT_UNDERSTOOD:  # Of those the planner tells by itself.
        return [Note(key=f"stage:{decision.rule}", text=decision.refused, is_problem=True)]
    return []


def _in_words_of_leads(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    return tuple(LEAD_WAITS if note.key == WAITS.key else note for note in notes)
