"""The named messages of the sales app: WinOpportunity, LoseOpportunity, QualifyLead; and WhoAmI."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from cosell.emulators.dataverse.addresses import RowAddresses
from cosell.emulators.dataverse.environment import ORGANIZATION_ID, Environment
from cosell.emulators.dataverse.errors import business, invalid_argument, invalid_status, not_found
from cosell.emulators.dataverse.http import Call, Reply, read_json
from cosell.emulators.dataverse.payload import lookup_values
from cosell.emulators.dataverse.rows import Data, Row
from cosell.emulators.dataverse.states import default_status
from cosell.emulators.dataverse.times import stamp
from cosell.emulators.dataverse.writes import Writer

Body = Mapping[str, object]
OPEN, WON, LOST = 0, 1, 2
CLOSE_COMPLETED: Data = {"statecode": 1, "statuscode": 2}


class Actions:
    """Carry out the named messages of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._writer = Writer(env, call)
        self._addresses = RowAddresses(env, call.content_ids)

    def unbound(self) -> dict[str, Callable[[], Reply]]:
        """Return the actions that stand alone, by name."""
        return {
            "WinOpportunity": lambda: self._close(WON),
            "LoseOpportunity": lambda: self._close(LOST),
        }

    def who_am_i(self) -> Reply:
        """Tell who is asking."""
        return Reply(
            200,
            {
                "@odata.context": f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
                "BusinessUnitId": self._call.actor.business_unit_id,
                "UserId": self._call.actor.user_id,
                "OrganizationId": ORGANIZATION_ID,
            },
        )

    def _close(self, state: int) -> Reply:
        body = read_json(self._call, "opportunitycloses")
        table = self._env.schema.tables["opportunity"]
        closing = body.get("OpportunityClose")
        if not isinstance(closing, dict) or "Status" not in body:
            raise invalid_argument("Required parameters 'Status' and 'OpportunityClose' are missing in the request.")
        row = self._opportunity(closing)
        self._env.access.require_row(self._call.actor, "Write", table, row)
        if row.data.get("statecode") != OPEN:
            raise business("0x80040515", "The opportunity is already closed.")
        status = self._status(row, state, body["Status"])
        close_body = {name: value for name, value in closing.items() if name != "activityid"}
        close = self._writer.create(self._env.schema.tables["opportunityclose"], self._as_moments(close_body))
        values: Data = {"statecode": state, "statuscode": status}
        values["actualvalue"] = close.data.get("actualrevenue", row.data.get("estimatedvalue"))
        ended = close.data.get("actualend", stamp(self._call.now))
        values["actualclosedate"] = str(ended)[:10]
        self._finish(close, state)
        self._set_state(row, values)
        return Reply(204)

    def _opportunity(self, closing: Body) -> Row:
        link = closing.get("opportunityid@odata.bind")
        nested = closing.get("opportunityid")
        if isinstance(nested, dict):
            link = f"opportunities({nested.get('opportunityid')})"
        if not isinstance(link, str):
            raise invalid_argument("The opportunity to close is missing: opportunityid@odata.bind.")
        table, row_id = self._addresses.resolve(link)
        row = self._env.rows.get(table.logical, row_id) if row_id else None
        if row is None or table.logical != "opportunity":
            raise not_found("opportunity", link.partition("(")[2].rstrip(")"))
        return row

    def _status(self, row: Row, state: int, asked: object) -> object:
        table = self._env.schema.tables["opportunity"]
        if asked == -1:
            return default_status(table, state)
        reasons = table.columns["statuscode"].options
        found = reasons.find(asked) if reasons else None
        if found is None or found.state != state:
            label = {WON: "Won", LOST: "Lost"}[state]
            raise invalid_status(table="opportunity", schema="Opportunity", state=label, status=asked, row_id=row.id)
        return asked

    def _as_moments(self, body: Body) -> dict[str, object]:
        """Take a day where the activity keeps a moment, as the action does."""
        return {
            name: f"{value}T00:00:00Z" if name in {"actualend", "actualstart"} and len(str(value)) == 10 else value
            for name, value in body.items()
        }

    def _finish(self, close: Row, state: int) -> None:
        data = {**close.data, **CLOSE_COMPLETED, "opportunitystatecode": state}
        data.setdefault("actualend", stamp(self._call.now))
        self._env.rows.replace(close, data)

    def _set_state(self, row: Row, values: Data) -> None:
        """Set a state past the rule that forbids it to updates."""
        fresh = self._env.rows.get(row.table, row.id)
        if fresh is None:
            return
        quiet = {name: value for name, value in values.items() if name not in {"statecode", "statuscode"}}
        self._writer.write(fresh, quiet, state={name: values[name] for name in ("statecode", "statuscode")})

    def qualify_lead(self, lead: Row) -> Reply:
        """Turn a lead into an account, a contact and an opportunity, as asked."""
        body = read_json(self._call, "leads")
        for name in ("CreateAccount", "CreateContact", "CreateOpportunity"):
            if not isinstance(body.get(name), bool):
                raise invalid_argument(f"Required parameter '{name}' is missing in the request.")
        if not isinstance(body.get("Status"), int):
            raise invalid_argument("Required parameter 'Status' is missing in the request.")
        self._env.access.require_row(self._call.actor, "Write", self._env.schema.tables["lead"], lead)
        if lead.data.get("statecode") != OPEN:
            raise business("0x80040519", "The lead is already closed.")
        self._check_lead_status(lead, body["Status"])
        made = self._made_from(lead, body)
        state: Data = {"statecode": 1, "statuscode": body["Status"]}
        links: Data = {}
        if "opportunity" in made:
            links["qualifyingopportunityid"] = made["opportunity"].id
        for table, column in (("account", "parentaccountid"), ("contact", "parentcontactid")):
            if table in made:
                links[column] = made[table].id
        self._writer.write(lead, links, state=state)
        context = f"{self._call.root}$metadata#Collection(Microsoft.Dynamics.CRM.crmbaseentity)"
        values = [
            {"@odata.type": f"#Microsoft.Dynamics.CRM.{name}", self._env.schema.tables[name].primary_id: row.id}
            for name, row in made.items()
        ]
        return Reply(200, {"@odata.context": context, "value": values})

    def _check_lead_status(self, lead: Row, status: object) -> None:
        reasons = self._env.schema.tables["lead"].columns["statuscode"].options
        found = reasons.find(status) if reasons else None
        if found is None or found.state != 1:
            raise invalid_status(table="lead", schema="Lead", state="Qualified", status=status, row_id=lead.id)

    def _made_from(self, lead: Row, body: Body) -> dict[str, Row]:
        made: dict[str, Row] = {}
        tables = self._env.schema.tables
        if body["CreateAccount"]:
            made["account"] = self._writer.create(
                tables["account"], _from_lead(lead, LEAD_TO_ACCOUNT), key=_origin(lead)
            )
        if body["CreateContact"]:
            key = _origin(lead)
            parent = made["account"].id if "account" in made else lead.data.get("parentaccountid")
            if parent:
                key |= lookup_values(tables["contact"].columns["parentcustomerid"], "account", str(parent))
            made["contact"] = self._writer.create(tables["contact"], _from_lead(lead, LEAD_TO_CONTACT), key=key)
        if body["CreateOpportunity"]:
            key = _origin(lead) | self._customer(lead, body, made) | self._currency(lead, body)
            made["opportunity"] = self._writer.create(tables["opportunity"], _opportunity_body(lead), key=key)
        return made

    def _customer(self, lead: Row, body: Body, made: Mapping[str, Row]) -> Data:
        column = self._env.schema.tables["opportunity"].columns["customerid"]
        given = body.get("OpportunityCustomerId")
        links: Data = {}
        for table, parent in (("account", "parentaccountid"), ("contact", "parentcontactid")):
            found = made[table].id if table in made else lead.data.get(parent)
            if found:
                links[parent] = found
        if isinstance(given, dict):
            kind = "contact" if "contact" in str(given.get("@odata.type", "")) else "account"
            row_id = str(given.get(f"{kind}id", "")).lower()
            if not self._env.rows.exists(kind, row_id):
                raise not_found(kind, row_id)
            return links | lookup_values(column, kind, row_id)
        for table, parent in (("account", "parentaccountid"), ("contact", "parentcontactid")):
            if links.get(parent):
                return links | lookup_values(column, table, str(links[parent]))
        return links

    def _currency(self, lead: Row, body: Body) -> Data:
        given = body.get("OpportunityCurrencyId")
        if isinstance(given, dict):
            row_id = str(given.get("transactioncurrencyid", "")).lower()
            if not self._env.rows.exists("transactioncurrency", row_id):
                raise not_found("transactioncurrency", row_id)
            return {"transactioncurrencyid": row_id}
        currency = lead.data.get("transactioncurrencyid")
        return {"transactioncurrencyid": currency} if currency else {}


ADDRESS = ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country", "county")
SHARED = {f"address1_{part}": f"address1_{part}" for part in ADDRESS} | {"emailaddress1": "emailaddress1"}
LEAD_TO_ACCOUNT = SHARED | {
    "companyname": "name",
    "telephone1": "telephone1",
    "numberofemployees": "numberofemployees",
    "revenue": "revenue",
    "industrycode": "industrycode",
    "sic": "sic",
    "websiteurl": "websiteurl",
    "description": "description",
}
LEAD_TO_CONTACT = SHARED | {
    "firstname": "firstname",
    "lastname": "lastname",
    "jobtitle": "jobtitle",
    "telephone1": "telephone1",
    "mobilephone": "mobilephone",
    "websiteurl": "websiteurl",
    "salutation": "salutation",
    "description": "description",
}
LEAD_TO_OPPORTUNITY = {
    "subject": "name",
    "estimatedamount": "estimatedvalue",
    "budgetamount": "budgetamount",
    "estimatedclosedate": "estimatedclosedate",
    "description": "description",
    "qualificationcomments": "qualificationcomments",
    "emailaddress1": "emailaddress",
    "need": "need",
    "purchasetimeframe": "purchasetimeframe",
    "purchaseprocess": "purchaseprocess",
    "budgetstatus": "budgetstatus",
}


def _from_lead(lead: Row, columns: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for source, target in columns.items():
        value = lead.data.get(source)
        if value is not None:
            found[target] = Decimal(repr(value)) if isinstance(value, float) else value
    return found


def _opportunity_body(lead: Row) -> dict[str, object]:
    body = _from_lead(lead, LEAD_TO_OPPORTUNITY)
    body.setdefault("name", lead.data.get("fullname") or lead.data.get("companyname"))
    return body


def _origin(lead: Row) -> Data:
    return {"originatingleadid": lead.id}
