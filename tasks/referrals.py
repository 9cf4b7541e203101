"""Reads referrals, in pages where there are many, and tells what each one is to us."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from cosell.domain.ids import ReferralId, parse_guid
from cosell.errors import RequestRejected
from cosell.partner_center import Referral
from cosell.store import Door, Hint, HintKind
from cosell.sync.leads.arrive import refuse_lead
from cosell.sync.recent import read_recent
from cosell.sync.sort import Arrival, sort_referral
from cosell.sync.workspace import Workspace
from tasks.policy import step
from tasks.workspace import get_workspace

WATERMARK = "referrals"
OVERLAP = timedelta(hours=24)
"""How far behind its watermark a listing goes: the listing's order is documented, its freshness is not."""
FIRST_LOOK_BACK = timedelta(days=1)
GONE = "gone"
LEFT_OUT = "left out"
"""Leads which do not arrive, by the settings."""


@step(name="find-moved-referrals", run_name="find moved referrals", tags={"partner-center"})
async def find_moved_referrals() -> list[str]:
    """List referrals by last change, newest first, and hint at those which are not as we left them; return their ids.

    Pages only, no call per referral: what a lost notification would have told is found here. The hints and how far
    the listing was read are stored together or not at all.
    """
    workspace = get_workspace()
    now = workspace.clock()
    watermark = await workspace.ledger.marks.find_watermark(WATERMARK)
    until = (watermark - OVERLAP) if watermark else now - FIRST_LOOK_BACK
    moved: list[Referral] = []
    async for page in workspace.partner_center.iter_referrals(order_by="updatedDateTime desc"):
        recent = [item for item in page if item.updated_date_time is None or item.updated_date_time >= until]
        moved += await _leave_out_echoes(workspace, recent)
        if len(recent) < len(page):
            break
    hints = [Hint(door=Door.SCHEDULE, kind=HintKind.REFERRAL, record_id=item.id, etag=item.etag) for item in moved]
    workspace.reads.referrals |= {item.id: item for item in moved}
    await workspace.ledger.record_listing(WATERMARK, until=now, hints=hints)
    return [item.id for item in moved]


async def _leave_out_echoes(workspace: Workspace, referrals: list[Referral]) -> list[Referral]:
    links = await workspace.ledger.links.find_by_referral_ids([item.id for item in referrals])
    refused = await workspace.ledger.dead_letters.find_refused_at(HintKind.REFERRAL, [item.id for item in referrals])
    return [
        item
        for item in referrals
        if (item.id not in links or links[item.id].referral_etag != item.etag) and _has_moved(item, refused)
    ]


def _has_moved(referral: Referral, refused: Mapping[str, datetime]) -> bool:
    """Tell whether a referral has moved since it was refused, if it was: else its dead letter has its own time."""
    at, moved_at = refused.get(referral.id), referral.updated_date_time
    return at is None or moved_at is None or moved_at > at


@step(name="read-referrals", run_name="read {referral_ids}", tags={"partner-center"})
async def read_referrals(referral_ids: list[str]) -> dict[str, list[str]]:
    """Read referrals fresh and return their ids by what they are to us.

    GONE are those which are not there. A lead which is in the CRM already goes on, whatever the settings say by now.
    """
    workspace = get_workspace()
    kinds = (*(arrival.value for arrival in Arrival), GONE, LEFT_OUT)
    sorted_ids: dict[str, list[str]] = {kind: [] for kind in kinds}
    wanted = list(dict.fromkeys(check_ids(referral_ids)))
    links = await workspace.ledger.links.find_by_referral_ids([ReferralId(item) for item in wanted])
    await read_recent(workspace, [ReferralId(item) for item in wanted])
    for referral_id in wanted:
        referral = await workspace.get_referral(ReferralId(referral_id))
        kind = sort_referral(referral).value if referral else GONE
        if referral and kind == Arrival.LEAD and referral.id not in links and refuse_lead(workspace, referral):
            kind = LEFT_OUT
        sorted_ids[kind].append(referral_id)
    return sorted_ids


def check_ids(ids: list[str]) -> list[str]:
    """Return ids as Partner Center and Dataverse spell them.

    Raises:
        RequestRejected: one of them is none; the text tells which place in the list it has.
    """
    checked = []
    for place, text in enumerate(ids, start=1):
        try:
            checked.append(parse_guid(text))
        except ValueError:
            raise RequestRejected(
                f"Number {place} of the given ids is not an id. Ids look like 11111111-2222-4333-8444-555555555555."
            ) from None
    return checked
