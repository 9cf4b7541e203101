"""First loads as a test runs them, and what is to be seen of them afterwards."""

from collections import Counter
from collections.abc import Mapping

from cosell.store import BackfillItem, BackfillPlan
from cosell.sync.backfill.applying import apply_backfill
from cosell.sync.backfill.planning import plan_backfill
from cosell.sync.backfill.verdicts import Direction
from tests.sync.doors import look_at_opportunity, look_at_referral
from tests.sync.fate import Fate
from tests.sync.portrait import MOMENT, lines_of
from tests.sync.stand import Document, Stand


async def seed(stand: Stand, count: int, *, seed: int = 7) -> None:
    """Fill Partner Center with made-up referrals."""
    await stand.control("POST", "seed", {"referrals": count, "opportunities": 0, "seed": seed})


async def plan(stand: Stand, direction: Direction = Direction.TO_CRM, fate: Fate | None = None) -> BackfillPlan:
    """Plan a first load in a run of its own."""
    async with stand.run(fate) as workspace:
        return await plan_backfill(workspace, direction)


async def apply(stand: Stand, made: BackfillPlan, fate: Fate | None = None) -> None:
    """Apply a plan in a run of its own."""
    async with stand.run(fate) as workspace:
        await apply_backfill(workspace, made.plan_id)


async def counts(stand: Stand, made: BackfillPlan) -> Mapping[tuple[str, str], int]:
    """Count the items of a plan by verdict and state."""
    found: Counter[tuple[str, str]] = Counter()
    async with stand.ledger() as ledger:
        for item in await ledger.backfills.count(made.plan_id):
            found[item.verdict, item.state.value] += item.count
    return dict(found)


async def every(stand: Stand, set_: str, order_by: str = "createdon") -> list[Document]:
    """Look at all rows of a table."""
    rows: list[Document] = (await stand.crm("GET", f"{set_}?$orderby={order_by}"))["value"]
    return rows


async def describe_deals(stand: Stand) -> dict[str, Document]:
    """Describe what has become of each referral in the CRM, in Partner Center and in the ledger, without ids."""
    accounts = {row["accountid"]: row for row in await every(stand, "accounts")}
    contacts = {row["contactid"]: row for row in await every(stand, "contacts")}
    sold = await _sold(stand)
    async with stand.ledger() as ledger:
        links = {link.referral_id: link async for link in ledger.links.iter_all()}
    referrals = {item["id"]: item for item in await _referrals(stand)}
    told: dict[str, Document] = {}
    for row in await every(stand, "opportunities"):
        referral_id, opportunity_id = row["cosell_referralid"], row["opportunityid"]
        account, contact = accounts.get(row["_parentaccountid_value"]), contacts.get(row["_parentcontactid_value"])
        link = links[referral_id]
        told[referral_id] = {
            "columns": {name: row.get(name) for name in _COLUMNS},
            "audit": [MOMENT.sub("then", line) for line in lines_of(row)],
            "account": account and {name: account[name] for name in ("name", *_ADDRESS)},
            "contact": contact and {name: contact[name] for name in ("firstname", "lastname", "emailaddress1")},
            "contact's account": contact and accounts[contact["_parentcustomerid_value"]]["name"],
            "solutions": sorted(sold.get(opportunity_id, [])),
            "told to Partner Center": referrals[referral_id]["externalReferenceId"] == opportunity_id,
            "link": (link.state, link.engagement_id, link.told, link.remind_at is not None, link.synced_at is not None),
            "base": {name: _without_ids(name, value) for name, value in link.base.items()},
            "has the etags": (link.referral_etag, link.opportunity_etag)
            == (referrals[referral_id]["eTag"], row["@odata.etag"]),
        }
    return told


async def find_item(stand: Stand, made: BackfillPlan, verdict: str) -> BackfillItem:
    """Return one of the records of which this is planned."""
    async with stand.ledger() as ledger:
        items = [item async for page in ledger.backfills.iter_items(made.plan_id) for item in page]
        return next(item for item in items if item.verdict == verdict)


async def look_at_all_again(stand: Stand) -> Fate:
    """Look at all pairs as notifications and polls would, and return the calls."""
    fate = Fate()
    async with stand.ledger() as ledger:
        links = [link async for link in ledger.links.iter_all()]
    async with stand.run(fate) as workspace:
        for link in links:
            if link.opportunity_id is not None:
                await look_at_opportunity(workspace, link.opportunity_id)
    async with stand.run(fate) as workspace:
        for link in links:
            if link.referral_id is not None:
                await look_at_referral(workspace, link.referral_id)
    return fate


def _without_ids(name: str, value: object) -> object:
    return bool(value) if name in _OWN_TO_EACH else value


async def _sold(stand: Stand) -> dict[str, list[tuple[object, ...]]]:
    path = "cosell_microsoftsolutions?$expand=cosell_SolutionDetailId($select=cosell_solutionidentifier)"
    sold: dict[str, list[tuple[object, ...]]] = {}
    for row in (await stand.crm("GET", path))["value"]:
        detail = row["cosell_SolutionDetailId"]["cosell_solutionidentifier"]
        sold.setdefault(row["_cosell_opportunityid_value"], []).append((detail, row["cosell_quantity"]))
    return sold


async def _referrals(stand: Stand) -> list[Document]:
    found: list[Document] = []
    async with stand.run() as workspace:
        async for page in workspace.partner_center.iter_referrals(order_by="createdDateTime desc"):
            found += [item.model_dump(by_alias=True) for item in page]
    return found


_COLUMNS = (
    "name",
    "description",
    "estimatedvalue",
    "estimatedclosedate",
    "statecode",
    "statuscode",
    "_transactioncurrencyid_value",
    "cosell_referralid",
    "cosell_referrallink",
    "cosell_microsoftcrmid",
    "cosell_syncwithpartnercenter",
    "cosell_visibletomicrosoft",
    "cosell_purchaseintent",
    "salesstage",
)
_OWN_TO_EACH = {"crm_id", "$contact", "$owner", "$answer_by", "$won_from", "$microsoft_by"}
_ADDRESS = ("address1_postalcode", "address1_city", "address1_country")
