"""What comparing finds: nothing where both sides agree, each kind of fault with its fields and its cause."""

from collections import Counter
from dataclasses import replace

from cosell.dataverse.client import LOOKUPS_PER_REQUEST
from cosell.domain.ids import OpportunityId, Side
from cosell.sync.reconcile.finding import Cause, Difference, Finding, Kind
from cosell.sync.reconcile.scan import scan_all
from tests.reconcile.many import many_pairs
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import DEAL_VALUE, NOTES, PairInStep, invited_pair, shared_pair
from tests.sync.stand import Stand

PAIRS = 225
PAGE = 100
"""Referrals on a page of Partner Center's listing."""


async def found(stand: Stand, fate: Fate | None = None) -> list[Finding]:
    """Scan everything in a run of its own, which must not write."""
    fate = fate or Fate()
    async with stand.run(fate) as workspace:
        scan = await scan_all(workspace)
    assert fate.calls(*WRITES) == []
    return scan.findings


async def forget_that_it_moved(pair: PairInStep) -> None:
    """Let the ledger take both records as they are now for those it left: what echoes look like."""
    row, referral = await pair.opportunity(), await pair.referral()
    async with pair.stand.ledger() as ledger:
        (link,) = (await ledger.links.find_by_opportunity_ids([OpportunityId(pair.opportunity_id)])).values()
        await ledger.links.save(replace(link, opportunity_etag=row["@odata.etag"], referral_etag=referral["eTag"]))


async def test_pairs_in_step_are_no_finding(stand: Stand) -> None:
    for _ in range(3):
        await shared_pair(stand)
    await invited_pair(stand)

    assert await found(stand) == []


async def test_edit_that_both_channels_lost_is_found_on_either_side(stand: Stand) -> None:
    ours, theirs = await shared_pair(stand), await shared_pair(stand)
    await ours.seller_edits(estimatedvalue=51000)
    await theirs.colleague_edits(NOTES, "Nobody told us.")

    by_id = {item.opportunity_id: item for item in await found(stand)}

    assert by_id[OpportunityId(ours.opportunity_id)].differences == (
        Difference(field="deal_value", cause=Cause.LOST_POLL, to=Side.PARTNER_CENTER),
    )
    assert by_id[OpportunityId(theirs.opportunity_id)].differences == (
        Difference(field="notes", cause=Cause.LOST_NOTIFICATION, to=Side.DATAVERSE),
    )
    assert {item.kind for item in by_id.values()} == {Kind.DRIFTED}
    assert all(item.since is not None for item in by_id.values())


async def test_difference_is_found_although_both_etags_are_ours(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits(DEAL_VALUE, 61000)
    await forget_that_it_moved(pair)

    (finding,) = await found(stand)

    assert (finding.kind, finding.cause, finding.fields) == (Kind.DRIFTED, Cause.UNKNOWN, ("deal_value",))


async def test_newcomers_of_both_sides_are_found(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity()
    referral_id = await stand.microsoft_invites()

    kinds = {(item.kind, item.cause): item for item in await found(stand)}

    assert kinds[Kind.UNSHARED, Cause.LOST_POLL].opportunity_id == opportunity_id
    assert kinds[Kind.UNLINKED, Cause.LOST_NOTIFICATION].referral_id == referral_id
    assert len(kinds) == 2


async def test_pages_of_both_sides_are_all_that_is_read(stand: Stand) -> None:
    """Two hundred pairs and a half page: nothing is asked of one record alone."""
    await many_pairs(stand, PAIRS)

    fate = Fate()
    assert await found(stand, fate) == []

    counted = Counter(fate.calls())
    pages = -(-PAIRS // PAGE)
    assert counted.pop("GET /v1.0/engagements/referrals") == pages
    assert counted.pop("GET /api/data/v9.2/opportunities") == pages + 1, "those of each page, and who is switched on"
    assert counted.pop("GET /api/data/v9.2/cosell_microsoftsolutions") == -(-PAIRS // LOOKUPS_PER_REQUEST)
    assert not counted
