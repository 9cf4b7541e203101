"""Microsoft's own connector in the emulated CRM: what its solution installs, and rows as its flows leave them."""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence

from cosell.emulators.connector_deals import ConnectorDeal
from cosell.emulators.dataverse import connector_schema as schema
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.metadata import stable_id
from cosell.emulators.dataverse.rows import Data
from cosell.emulators.dataverse.seed import full_row, head_of

Rows = dict[str, list[tuple[str, Data]]]
STATES = {"Won": (1, 3), "Lost": (2, 4), "Declined": (2, 4), "Expired": (2, 4), "Pending": (0, 2)}
"""Substatus to state and status reason; what is not named is open and in progress."""
LINK = "https://partner.microsoft.com/referrals/v2/inbox?id="
PUBLISHER_ID = stable_id("publisher", str(schema.PUBLISHER["uniquename"]))


def connector_requests() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield what has to be posted where to bring the connector into a CRM, in order."""
    yield "publishers", {**schema.PUBLISHER, "publisherid": PUBLISHER_ID}
    yield "solutions", {**schema.SOLUTION, "publisherid@odata.bind": f"/publishers({PUBLISHER_ID})"}
    for table in schema.TABLES:
        yield "EntityDefinitions", table
    for column in schema.COLUMNS:
        yield "EntityDefinitions(LogicalName='opportunity')/Attributes", column
    for column in schema.DETAIL_COLUMNS:
        yield f"EntityDefinitions(LogicalName='{schema.DETAIL}')/Attributes", column
    for relationship in schema.RELATIONSHIPS:
        yield "RelationshipDefinitions", relationship
    for name, label, default in schema.VARIABLES:
        body = {"schemaname": name, "displayname": label, "type": schema.STRING}
        yield "environmentvariabledefinitions", body | ({"defaultvalue": default} if default else {})


def insert_connector_rows(env: Environment, deals: Sequence[ConnectorDeal], *, seed: int) -> None:
    """Add the opportunities of these deals, each with its account, its contact and its solutions."""
    rng = random.Random(seed)
    details = {row.data.get(schema.DETAIL_IDENTIFIER): row.id for row in env.rows.scan(schema.DETAIL)}
    rows: Rows = {name: [] for name in ("account", "contact", schema.DETAIL, "opportunity", schema.CHILD)}
    for deal in deals:
        account_id, contact_id = _add_customer(env, rng, rows, deal)
        rows["opportunity"].append((deal.opportunity_id, _opportunity(env, rng, deal, account_id, contact_id)))
        for solution in deal.solutions:
            _add_solution(env, rng, rows, details, deal, solution)
    for table, made in rows.items():
        env.rows.insert_many(table, made)


def _add_customer(env: Environment, rng: random.Random, rows: Rows, deal: ConnectorDeal) -> tuple[str, str | None]:
    account_id, address = _id(rng), deal.customer["address"]
    account: Data = {
        "name": deal.customer["name"].strip(),
        "address1_line1": address["addressLine1"],
        "address1_city": address["city"],
        "address1_postalcode": address["postalCode"],
        "address1_country": address["country"],
        "transactioncurrencyid": stable_id("currency", "USD"),
    }
    rows["account"].append((account_id, full_row(env, "account", head_of(env, rng) | account)))
    people = deal.customer["team"]
    if not people:
        return account_id, None
    contact_id, person = _id(rng), people[0]
    contact: Data = {
        "firstname": person["firstName"].strip(),
        "lastname": person["lastName"],
        "fullname": f"{person['firstName'].strip()} {person['lastName']}",
        "emailaddress1": person["email"],
        "telephone1": person["phoneNumber"],
        "parentcustomerid": account_id,
        "parentcustomerid@": "account",
    }
    rows["contact"].append((contact_id, full_row(env, "contact", head_of(env, rng) | contact)))
    return account_id, contact_id


def _opportunity(
    env: Environment, rng: random.Random, deal: ConnectorDeal, account_id: str, contact_id: str | None
) -> Data:
    state, status = STATES.get(deal.status[1], (0, 1))
    data: Data = {
        "name": deal.name,
        "customerid": account_id,
        "customerid@": "account",
        "parentaccountid": account_id,
        "parentcontactid": contact_id,
        "transactioncurrencyid": stable_id("currency", deal.currency),
        "estimatedvalue": float(deal.value),
        "estimatedclosedate": deal.closing,
        "description": deal.notes,
        "statecode": state,
        "statuscode": status,
        schema.SYNC: True,
        schema.IDENTIFIER: deal.referral_id,
        schema.LINK: f"{LINK}{deal.referral_id}" if deal.referral_id else None,
        schema.HELP_COLUMN: _option(schema.HELP, deal.help),
        schema.VISIBLE: deal.is_visible,
        schema.CRM_ID: deal.microsoft_crm_id,
        schema.INTENT_COLUMN: _option(schema.INTENT, deal.intent),
        schema.AUDIT: deal.audit,
    }
    return full_row(env, "opportunity", head_of(env, rng) | data)


def _option(options: Mapping[str, str], code: str | None) -> int | None:
    return schema.FIRST_OPTION + list(options).index(code) if code is not None and code in options else None


def _add_solution(
    env: Environment,
    rng: random.Random,
    rows: Rows,
    details: dict[object, str],
    deal: ConnectorDeal,
    solution: Mapping[str, object],
) -> None:
    identifier = solution["id"]
    if identifier not in details:
        details[identifier] = _id(rng)
        detail: Data = {
            schema.DETAIL_NAME: solution.get("name") or identifier,
            schema.DETAIL_IDENTIFIER: identifier,
            schema.DETAIL_TYPE: solution.get("solutionType"),
            schema.DETAIL_PUBLISHER: solution.get("publisherName"),
        }
        rows[schema.DETAIL].append((details[identifier], full_row(env, schema.DETAIL, head_of(env, rng) | detail)))
    row: Data = {
        schema.CHILD_NAME: f"{deal.closing}-{rng.randrange(100_000):05d}",
        schema.CHILD_OPPORTUNITY: deal.opportunity_id,
        schema.CHILD_DETAIL: details[identifier],
    }
    rows[schema.CHILD].append((_id(rng), full_row(env, schema.CHILD, head_of(env, rng) | row)))


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
