"""Says of each opportunity of a page what a first load would do with it. Reads in pages, writes nothing.

The rules are those of sharing one: everything Partner Center would check is checked, for all of a page together.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.link import LinkState
from cosell.mapping.fields import ORIGIN, lookup_column
from cosell.partner_center import Referral
from cosell.store import BackfillItem, HintKind, ItemState
from cosell.sync.backfill.verdicts import WORK, Verdict
from cosell.sync.deal import check_deal
from cosell.sync.gather import expand_of, read_deal
from cosell.sync.references import read_reference
from cosell.sync.roster import read_teams
from cosell.sync.solutions.read import read_solution_rows
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace

PAGE_SIZE = 100
OPEN = 0


async def iter_opportunities(workspace: Workspace) -> AsyncIterator[list[Row]]:
    """Yield the opportunities which sellers share, with account, contact and owner, oldest first."""
    own = workspace.opportunity
    pages = workspace.dataverse.query(
        own.set,
        select=workspace.select,
        filter_=f"{own.columns.sync_switch} eq true",
        order_by="createdon asc",
        expand=expand_of(workspace),
        page_size=PAGE_SIZE,
    )
    async for page in pages:
        yield page


async def list_references(workspace: Workspace) -> dict[OpportunityId, ReferralId]:
    """Return which opportunities are named by a referral: what would be searched before each creation, in one listing.

    Of several referrals which name one, the oldest counts, as when it is searched for.
    """
    found: dict[OpportunityId, ReferralId] = {}
    async for page in workspace.partner_center.iter_referrals(order_by="createdDateTime desc"):
        found.update(named for referral in page if (named := _reference(referral)))
    return found


def _reference(referral: Referral) -> tuple[OpportunityId, ReferralId] | None:
    if sort_referral(referral) is Arrival.MICROSOFTS_COPY:
        return None
    named = read_reference(referral)
    return (named, referral.id) if named else None


async def judge_rows(
    workspace: Workspace, rows: Sequence[Row], references: Mapping[OpportunityId, ReferralId]
) -> list[BackfillItem]:
    """Return what would be done with each opportunity of a page."""
    ids = [OpportunityId(row.id) for row in rows]
    links = await workspace.ledger.links.find_by_opportunity_ids(ids)
    alone = [row for row in rows if (link := links.get(OpportunityId(row.id))) is None or link.referral_id is None]
    await read_solution_rows(workspace, [OpportunityId(row.id) for row in alone])
    await read_teams(workspace, alone)
    items = []
    for row in rows:
        link = links.get(OpportunityId(row.id))
        if link is None or link.referral_id is None:
            items.append(await _judge_alone(workspace, row, references))
        elif link.state is LinkState.BROKEN:
            items.append(_item(row, Verdict.LEFT_OUT, "one of its two records was gone; a person decides"))
        else:
            items.append(_item(row, Verdict.FINISH if link.state is LinkState.CREATING else Verdict.IN_STEP))
    return items


async def _judge_alone(workspace: Workspace, row: Row, references: Mapping[OpportunityId, ReferralId]) -> BackfillItem:
    own = workspace.opportunity.columns
    if row.values.get(own.referral_id) or OpportunityId(row.id) in references:
        return _item(row, Verdict.LINK)
    if row.values.get(own.state) != OPEN:
        return _item(row, Verdict.LEFT_OUT, "no referral is made of a closed opportunity")
    if row.values.get(lookup_column(ORIGIN)):
        return _item(row, Verdict.LINK)
    problems = check_deal(await read_deal(workspace, row))
    return _item(row, Verdict.LEFT_OUT, " ".join(problems)) if problems else _item(row, Verdict.SHARE)


def _item(row: Row, verdict: Verdict, reason: str = "") -> BackfillItem:
    state = ItemState.WAITING if verdict in WORK else ItemState.LEFT_OUT
    state = ItemState.DONE if verdict is Verdict.IN_STEP else state
    return BackfillItem(kind=HintKind.OPPORTUNITY, record_id=row.id, verdict=verdict.value, reason=reason, state=state)
