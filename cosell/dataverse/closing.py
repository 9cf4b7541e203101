"""Opportunities are won and lost, leads are qualified, by their own actions (Microsoft: WinOpportunity, QualifyLead).

These actions know no etag: read just before, and find out afterwards when the state is not what was expected.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from cosell.dataverse.models import RowReference
from cosell.dataverse.odata import row_path
from cosell.dataverse.reading import read_list, read_object
from cosell.dataverse.rows import Row
from cosell.errors import StaleEtag
from cosell.http.transport import ServiceClient

STATUS_WON, STATUS_CANCELED = 3, 4
STATE_COLUMNS = ("statecode", "statuscode")
_ALREADY_CLOSED = "0x80040515"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What the CRM keeps about the end of an opportunity; `revenue` is in the opportunity's own currency."""

    subject: str
    closed_on: date | None = None
    revenue: Decimal | None = None
    note: str | None = None


class Outcome(Enum):
    """The two ends of an opportunity: the action that brings it there, and the state it is in then."""

    WON = ("WinOpportunity", 1)
    LOST = ("LoseOpportunity", 2)


async def close_opportunity(
    service: ServiceClient,
    opportunity_id: str,
    closing: Closing,
    *,
    outcome: Outcome,
    status: int,
    read: Callable[[], Awaitable[Row]],
) -> Row:
    """Close an opportunity and return it as `read` finds it; one that is in the wanted state already counts as done.

    Raises:
        StaleEtag: it was closed the other way in the meantime.
    """
    action, state = outcome.value
    path = row_path("opportunities", opportunity_id)
    body = {"Status": status, "OpportunityClose": _closing_body(path, closing)}
    try:
        await service.request("POST", action, json=body, record=path, idempotent=True)
    except StaleEtag as error:
        if error.origin.code.lower() != _ALREADY_CLOSED:
            raise
        row = await read()
        if row.get("statecode") != state:
            raise
        return row
    return await read()


def _closing_body(path: str, closing: Closing) -> Mapping[str, object]:
    body = {
        "subject": closing.subject,
        "opportunityid@odata.bind": f"/{path}",
        "actualrevenue": closing.revenue,
        "actualend": closing.closed_on.isoformat() if closing.closed_on else None,
        "description": closing.note,
    }
    return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualifying:
    """What a lead turns into; a currency or a customer account only where the lead has none."""

    creates_account: bool = True
    creates_contact: bool = True
    creates_opportunity: bool = True
    status: int = 3
    currency_id: str | None = None
    account_id: str | None = None


async def qualify_lead(service: ServiceClient, lead_id: str, qualifying: Qualifying) -> list[RowReference]:
    """Qualify a lead and return the rows that were made of it.

    Raises:
        StaleEtag: it is qualified already; read `qualifyingopportunityid`.
    """
    path = row_path("leads", lead_id)
    body: dict[str, object] = {
        "CreateAccount": qualifying.creates_account,
        "CreateContact": qualifying.creates_contact,
        "CreateOpportunity": qualifying.creates_opportunity,
        "Status": qualifying.status,
    }
    if qualifying.currency_id:
        body["OpportunityCurrencyId"] = {
            "@odata.type": "Microsoft.Dynamics.CRM.transactioncurrency",
            "transactioncurrencyid": qualifying.currency_id,
        }
    if qualifying.account_id:
        body["OpportunityCustomerId"] = {
            "@odata.type": "Microsoft.Dynamics.CRM.account",
            "accountid": qualifying.account_id,
        }
    answer = await service.request(
        "POST", f"{path}/Microsoft.Dynamics.CRM.QualifyLead", json=body, record=path, idempotent=False
    )
    made = [_reference(row) for row in read_list(read_object(answer, record=path))]
    return [reference for reference in made if reference is not None]


def _reference(row: Mapping[str, object]) -> RowReference | None:
    table = str(row.get("@odata.type", "")).rpartition(".")[2]
    row_id = row.get(f"{table}id")
    return RowReference(table=table, id=row_id.lower()) if table and isinstance(row_id, str) else None
