"""What is there in the end, without ids and times: two histories of one deal ended alike when their portraits agree."""

import re

from tests.sync.stand import Document, Stand

_COLUMNS = (
    "name",
    "description",
    "estimatedvalue",
    "estimatedclosedate",
    "statecode",
    "statuscode",
    "actualvalue",
    "cosell_referralid",
    "cosell_referrallink",
    "cosell_microsoftcrmid",
    "cosell_syncwithpartnercenter",
    "_parentaccountid_value",
    "_parentcontactid_value",
)
_LEAD_COLUMNS = (
    "subject",
    "description",
    "estimatedamount",
    "estimatedclosedate",
    "companyname",
    "lastname",
    "statecode",
    "statuscode",
    "cosell_referralid",
    "_qualifyingopportunityid_value",
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d UTC|T[\d:.]+\+00:00)")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC - ")


async def portrait(stand: Stand) -> Document:
    """Describe both services and the ledger, every id replaced by what it is the id of."""
    opportunities, referrals, leads = await stand.opportunities(), await stand.referrals(), await stand.leads()
    names = {row["opportunityid"]: f"opportunity {at}" for at, row in enumerate(opportunities)}
    names |= {item["id"]: f"referral {at}" for at, item in enumerate(referrals)}
    names |= {row["leadid"]: f"lead {at}" for at, row in enumerate(leads)}
    accounts = (await stand.crm("GET", "accounts?$orderby=createdon"))["value"]
    contacts = (await stand.crm("GET", "contacts?$orderby=createdon"))["value"]
    names |= {row["accountid"]: f"account {at}" for at, row in enumerate(accounts)}
    names |= {row["contactid"]: f"contact {at}" for at, row in enumerate(contacts)}
    copies = [sorted(copy["organizationId"] for copy in await stand.copies(item["engagementId"])) for item in referrals]
    path = "cosell_microsoftsolutions?$expand=cosell_SolutionDetailId($select=cosell_solutionidentifier)"
    sold = (await stand.crm("GET", path))["value"]
    async with stand.ledger() as ledger:
        links = [link async for link in ledger.links.iter_all()]
    seen = {
        "leads": [_lead(row) for row in leads],
        "opportunities": [_opportunity(row) for row in opportunities],
        "referrals": [_referral(item) for item in referrals],
        "copies": copies,
        "accounts": [row["name"] for row in accounts],
        "contacts": [(row["lastname"], row["_parentcustomerid_value"]) for row in contacts],
        "solutions": sorted(
            (
                row["_cosell_opportunityid_value"],
                (row["cosell_SolutionDetailId"] or {}).get("cosell_solutionidentifier"),
                row["cosell_quantity"],
            )
            for row in sold
        ),
        "links": [
            (link.state.value, link.referral_id, link.lead_id, link.opportunity_id, sorted(link.base.items()))
            for link in links
        ],
    }
    return {part: _renamed(value, names) for part, value in seen.items()}


def _opportunity(row: Document) -> Document:
    return {name: row.get(name) for name in _COLUMNS} | {"audit": lines_of(row)}


def _lead(row: Document) -> Document:
    return {name: row.get(name) for name in _LEAD_COLUMNS} | {"audit": lines_of(row)}


def lines_of(row: Document) -> list[str]:
    """Return the lines of the audit text without their dates, newest first."""
    return [_STAMP.sub("", line) for line in (row["cosell_audit"] or "").splitlines()]


def _referral(item: Document) -> Document:
    members = ("name", "externalReferenceId", "status", "substatus")
    details = ("notes", "dealValue", "currency", "closingDateTime")
    sold = [(each["id"], each.get("quantity")) for each in item["details"]["requirements"]["solutions"]]
    plain = {name: item[name] for name in members} | {name: item["details"][name] for name in details}
    return plain | {"solutions": sorted(sold)}


def _renamed(seen: object, names: dict[str, str]) -> object:
    match seen:
        case str():
            for row_id, name in names.items():
                seen = seen.replace(row_id, name)
            return MOMENT.sub("then", seen)
        case dict():
            return {key: _renamed(value, names) for key, value in seen.items()}
        case list() | tuple():
            return [_renamed(value, names) for value in seen]
    return seen
