"""How a deal that ends on one side ends on the other: by which reason, and with which value. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.sync.plan import Note
from cosell.sync.stages import StageDecision

HAVE_A_REASON = frozenset({ReferralStage.LOST, ReferralStage.DECLINED})
REASON_LENGTH = 200
"""Of Partner Center's reason, the part which stands in an audit line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why the deal is closed, in Partner Center's words: as the CRM's status reason says it, as the referral does."""

    dataverse: str = ""
    partner_center: str = ""


def pick_reason(stage: StageDecision, reasons: Reasons) -> str:
    """Return the reason which travels with a decision about the stages; empty when none does."""
    if stage.move_referral_to in HAVE_A_REASON:
        return reasons.dataverse
    return reasons.partner_center if stage.move_opportunity_to is OpportunityStage.LOST else ""


def pick_revenue(stage: StageDecision, *, theirs: Value, ours: Value) -> Money | None:
    """Return the actual revenue of an opportunity which Partner Center has won, None when it cannot be told.

    It is in the opportunity's currency; `ours` is the deal value with which the opportunity is left.
    """
    if stage.move_opportunity_to is not OpportunityStage.WON or not isinstance(theirs, Money):
        return None
    return theirs if not isinstance(ours, Money) or ours.currency == theirs.currency else None


def refuse_unwritable(stage: StageDecision, unwritable: Mapping[OpportunityStage, str]) -> StageDecision:
    """Return the decision, refused when the CRM lacks the status reason which it would write."""
    why = unwritable.get(stage.move_opportunity_to) if stage.move_opportunity_to else None
    return stage if why is None else StageDecision(rule="no status reason for it", refused=why)


def iter_closing_notes(stage: StageDecision, reason: str, *, event: str) -> Iterator[Note]:
    """Yield what the seller is told about a deal which was closed in Partner Center for a reason."""
    if reason and stage.move_opportunity_to is OpportunityStage.LOST:
        text = " ".join(reason.split())
        shown = f"{text[:REASON_LENGTH]}…" if len(text) > REASON_LENGTH else text
        yield Note(key=f"{event}closed", text=f"Partner Center's reason: “{shown}”.")
