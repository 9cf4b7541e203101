"""Many pairs in step within seconds: copies of one that the engine made, written in bulk as if it had made them all."""

import json
from dataclasses import dataclass, replace
from uuid import uuid4

from cosell.domain.ids import EngagementId, OpportunityId, ReferralId
from cosell.domain.link import Link
from cosell.http.plain_json import to_json
from cosell.sync.deal import spell_referral
from cosell.sync.gather import read_deal, read_deal_row
from tests.sync.pairs import shared_pair
from tests.sync.stand import LINKS, Document, Stand

BULK = 500
OPPORTUNITY = "Microsoft.Dynamics.CRM.opportunity"
SOLUTION = "Microsoft.Dynamics.CRM.cosell_microsoftsolution"
COPIED = (
    "description",
    "estimatedvalue",
    "estimatedclosedate",
    "cosell_syncwithpartnercenter",
    "cosell_visibletomicrosoft",
    "cosell_purchaseintent",
    "cosell_referralprogram",
    "cosell_audit",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    opportunity_id: OpportunityId
    referral: Document
    name: str


async def many_pairs(stand: Stand, count: int) -> list[Link]:
    """Return the links of so many pairs in step, one of which the engine has made."""
    model = await shared_pair(stand)
    row = await model.opportunity()
    async with stand.run() as workspace:
        deal = await read_deal(workspace, await read_deal_row(workspace, OpportunityId(model.opportunity_id)))
        body: Document = json.loads(to_json(spell_referral(deal, workspace.mappings)))
        link = (await workspace.ledger.links.find_by_referral_ids([ReferralId(model.referral_id)])).popitem()[1]
    copies = []
    for number in range(1, count):
        opportunity_id = OpportunityId(str(uuid4()))
        name = f"Deal {number}"
        referral = await stand.portal("POST", "", {**body, "name": name, "externalReferenceId": opportunity_id})
        copies.append(_Copy(opportunity_id=opportunity_id, referral=referral, name=name))
    details = (await stand.crm("GET", "cosell_microsoftsolutiondetails"))["value"]
    for begin in range(0, len(copies), BULK):
        await _write(stand, copies[begin : begin + BULK], row, details[0]["cosell_microsoftsolutiondetailid"])
    async with stand.run() as workspace:
        pages = workspace.dataverse.query("opportunities", select=("opportunityid",), page_size=5000)
        etags = {row.id: row.etag async for page in pages for row in page}
    links = [link, *(_link(link, copy, etags[copy.opportunity_id]) for copy in copies)]
    async with stand.ledger() as ledger:
        await ledger.links.save_all(links)
    return links


async def _write(stand: Stand, copies: list[_Copy], row: Document, detail_id: str) -> None:
    opportunities = [
        {
            "@odata.type": OPPORTUNITY,
            "opportunityid": copy.opportunity_id,
            "name": f"✔ {copy.name}",
            "cosell_referralid": copy.referral["id"],
            "cosell_referrallink": LINKS.replace("{id}", copy.referral["id"]),
            "parentaccountid@odata.bind": f"/accounts({row['_parentaccountid_value']})",
            "customerid_account@odata.bind": f"/accounts({row['_parentaccountid_value']})",
            "parentcontactid@odata.bind": f"/contacts({row['_parentcontactid_value']})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({row['_transactioncurrencyid_value']})",
            **{name: row[name] for name in COPIED if row.get(name) is not None},
        }
        for copy in copies
    ]
    await stand.crm("POST", "opportunities/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": opportunities})
    solutions = [
        {
            "@odata.type": SOLUTION,
            "cosell_name": "Contoso Suite",
            "cosell_OpportunityId@odata.bind": f"/opportunities({copy.opportunity_id})",
            "cosell_SolutionDetailId@odata.bind": f"/cosell_microsoftsolutiondetails({detail_id})",
        }
        for copy in copies
    ]
    await stand.crm("POST", "cosell_microsoftsolutions/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": solutions})


def _link(model: Link, copy: _Copy, etag: str) -> Link:
    referral = copy.referral
    said = {
        "name": copy.name,
        "crm_id": copy.opportunity_id,
        "referral_id": referral["id"],
        "referral_link": LINKS.replace("{id}", referral["id"]),
    }
    return replace(
        model,
        link_id=uuid4().hex,
        referral_id=ReferralId(referral["id"]),
        engagement_id=EngagementId(referral["engagementId"]),
        opportunity_id=copy.opportunity_id,
        referral_etag=referral["eTag"],
        opportunity_etag=etag,
        base={**model.base, **said},
    )
