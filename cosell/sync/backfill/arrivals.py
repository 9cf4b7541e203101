"""Says of each referral of a page what a first load would do with it. Reads in pages, writes nothing."""

from collections.abc import Sequence

from cosell.domain.link import Link, LinkState
from cosell.partner_center import Referral
from cosell.store import BackfillItem, HintKind, ItemState
from cosell.sync.backfill.verdicts import WORK, Verdict
from cosell.sync.leads.arrive import refuse_lead
from cosell.sync.look import stage_of_referral
from cosell.sync.reconcile.compare import NOTHING_KNOWN
from cosell.sync.reconcile.finding import Finding, Kind
from cosell.sync.reconcile.newcomers import Claims, judge_newcomers
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace

COPY = "Microsoft's copy of a deal: it is followed together with ours"


async def judge_page(workspace: Workspace, page: Sequence[Referral], claims: Claims) -> list[BackfillItem]:
    """Return what would be done with each referral of a page; `claims` remembers the deals of earlier pages."""
    copies = [item for item in page if sort_referral(item) is Arrival.MICROSOFTS_COPY]
    ours = [item for item in page if sort_referral(item) is not Arrival.MICROSOFTS_COPY]
    links = await workspace.ledger.links.find_by_referral_ids([item.id for item in ours])
    whole = {key: link for key, link in links.items() if link.opportunity_id is not None or link.lead_id is not None}
    alone = [item for item in ours if item.id not in whole]
    findings = await judge_newcomers(workspace, alone, claims, NOTHING_KNOWN, half_done=links)
    found = {str(item.referral_id): item for item in findings}
    return [
        *(_item(referral, Verdict.LEFT_OUT, COPY) for referral in copies),
        *(_judge_linked(item, whole[item.id]) for item in ours if item.id in whole),
        *(_judge_new(workspace, item, found.get(item.id)) for item in alone),
    ]


def _judge_linked(referral: Referral, link: Link) -> BackfillItem:
    if link.state is LinkState.BROKEN:
        return _item(referral, Verdict.LEFT_OUT, "one of its two records was gone; a person decides")
    return _item(referral, Verdict.FINISH if link.state is LinkState.CREATING else Verdict.IN_STEP)


def _judge_new(workspace: Workspace, referral: Referral, finding: Finding | None) -> BackfillItem:
    if finding is None:
        return _item(referral, Verdict.LEFT_OUT, _why_left_out(workspace, referral))
    if finding.kind is Kind.DUPLICATE:
        return _item(referral, Verdict.LEFT_OUT, "stands for the same deal as another referral; a person decides")
    return _item(referral, Verdict.LINK if finding.opportunity_id else Verdict.CREATE)


def _why_left_out(workspace: Workspace, referral: Referral) -> str:
    is_lead = sort_referral(referral) is Arrival.LEAD
    reason = refuse_lead(workspace, referral) if is_lead else ""
    return reason or f"no {'lead' if is_lead else 'opportunity'} is made of a {stage_of_referral(referral)} referral"


def _item(referral: Referral, verdict: Verdict, reason: str = "") -> BackfillItem:
    state = ItemState.WAITING if verdict in WORK else ItemState.LEFT_OUT
    state = ItemState.DONE if verdict is Verdict.IN_STEP else state
    return BackfillItem(
        kind=HintKind.REFERRAL, record_id=referral.id, verdict=verdict.value, reason=reason, state=state
    )
