"""Invented accounts, contacts and opportunities in any number: the same for the same seed, and not all of them clean.

Real CRMs hold blanks, stray spaces, countries in words and codes, and deals without a value; so does this.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta

from cosell.emulators.dataverse.environment import BUSINESS_UNIT_ID, Environment
from cosell.emulators.dataverse.install import CURRENCIES, user_id_of
from cosell.emulators.dataverse.metadata import Table, stable_id
from cosell.emulators.dataverse.money import settle_money
from cosell.emulators.dataverse.rows import Data
from cosell.emulators.dataverse.times import stamp

FIRST = ("Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Femi", "Greta", "Hiro", "Ines", "Jonas", "Kavya", "Luís", "Mina")
LAST = ("Aalto", "Bianchi", "Costa", "Dubois", "Eriksen", "Fournier", "Gruber", "Haddad", "Ito", "Jansen", "Müller")
FIRMS = ("Alpine", "Blue Yonder", "Coho", "Fabrikam", "Graphic", "Litware", "Northwind", "Proseware", "Tailspin")
TRADES = ("Airlines", "Bank", "Design", "Foods", "Health", "Logistics", "Robotics", "Toys", "Winery", "Würth & Söhne")
PROJECTS = (
    "Cloud move",
    "Data platform",
    "Security review",
    "ERP renewal",
    "AI pilot",
    "Teams rollout",
    "SAP on Azure",
)
# city, postal code, country as somebody typed it
PLACES = (
    ("Seattle", "98101", "US"),
    ("Portland", "97201", "United States"),
    ("Austin", "73301", "USA"),
    ("Munich", "80331", "Germany"),
    ("Zürich", "8001", "CH"),
    ("London", "SW1A 1AA", "GB"),
    ("Leeds", "ls1 1ur ", "UK"),
    ("Lyon", "69001", "fr"),
    ("Osaka", "530-0001", "Japan"),
    ("Toronto", "M5H 2N2", "Canada"),
    ("Utopia", "", "Neverland"),
    ("Sydney", "2000", None),
)
SELLERS = ("seller@contoso-partner.example", "seller2@contoso-partner.example", "manager@contoso-partner.example")
ACCOUNTS_PER_DEAL = 3


@dataclass(slots=True)
class _Made:
    accounts: list[tuple[str, Data]]
    contacts: list[tuple[str, Data]]
    deals: list[tuple[str, Data]]


def seed_rows(env: Environment, count: int, *, seed: int) -> None:
    """Add `count` opportunities, with an account and a contact for about every third."""
    rng = random.Random(seed)
    made = _Made([], [], [])
    for at in range(count):
        if at % ACCOUNTS_PER_DEAL == 0:
            _add_customer(env, rng, made)
        _add_deal(env, rng, made, at)
    env.rows.insert_many("account", made.accounts)
    env.rows.insert_many("contact", made.contacts)
    env.rows.insert_many("opportunity", made.deals)


def _add_customer(env: Environment, rng: random.Random, made: _Made) -> None:
    account_id, contact_id = _id(rng), _id(rng)
    name = f"{rng.choice(FIRMS)} {rng.choice(TRADES)}"
    if rng.random() < 0.5:
        name += f" {rng.randrange(1, 9999)}"
    city, postal_code, country = rng.choice(PLACES)
    account = head_of(env, rng) | {
        "name": rng.choice((name, name, name, f"{name} ", name.upper())),
        "address1_city": city,
        "address1_postalcode": postal_code,
        "address1_country": country,
        "numberofemployees": rng.choice((None, 12, 250, 4000)),
        "primarycontactid": contact_id,
        "transactioncurrencyid": stable_id("currency", "USD"),
    }
    first, last = rng.choice(FIRST), rng.choice(LAST)
    email = f"{first}.{last}.{rng.randrange(10**6)}@customer.example".lower()
    contact = head_of(env, rng) | {
        "firstname": first,
        "lastname": last,
        "fullname": f"{first} {last}",
        "yomifullname": f"{first} {last}",
        "emailaddress1": rng.choice((email, email, email.upper(), None)),
        "telephone1": rng.choice(("+1 555 0100", "(555) 0101", None)),
        "jobtitle": rng.choice(("CIO", "Head of IT", None)),
        "parentcustomerid": account_id,
        "parentcustomerid@": "account",
    }
    made.accounts.append((account_id, full_row(env, "account", account)))
    made.contacts.append((contact_id, full_row(env, "contact", contact)))


def _add_deal(env: Environment, rng: random.Random, made: _Made, at: int) -> None:
    account_id, account = rng.choice(made.accounts[-50:])
    code = rng.choice(("USD", "USD", "EUR", "GBP", "CHF", "JPY", *CURRENCIES))
    close = env.now() + timedelta(days=rng.randrange(-90, 360))
    state, status = rng.choice(((0, 1), (0, 1), (0, 1), (0, 2), (1, 3), (2, 4), (2, 5)))
    deal = head_of(env, rng) | {
        "name": f"{rng.choice(PROJECTS)} {at + 1}" + rng.choice(("", "", " ", " (phase 2)")),
        "customerid": account_id,
        "customerid@": "account",
        "parentaccountid": account_id,
        "parentcontactid": account.get("primarycontactid"),
        "transactioncurrencyid": stable_id("currency", code),
        "estimatedvalue": rng.choice((None, 0.0, *(round(rng.uniform(500, 900_000), 2) for _ in range(8)))),
        "estimatedclosedate": rng.choice((None, *([close.date().isoformat()] * 9))),
        "closeprobability": rng.choice((None, 10, 50, 90)),
        "description": rng.choice((None, "Asked at the fair.", "Line one\r\nLine two", "  ")),
        "statecode": state,
        "statuscode": status,
    }
    made.deals.append((_id(rng), full_row(env, "opportunity", deal)))


def head_of(env: Environment, rng: random.Random) -> Data:
    """Return the stamps and the owner of a row which a seller wrote some time ago."""
    owner = user_id_of(rng.choice(SELLERS))
    written = stamp(env.now() - timedelta(days=rng.randrange(1, 400)))
    return {
        "ownerid": owner,
        "ownerid@": "systemuser",
        "owninguser": owner,
        "owningbusinessunit": BUSINESS_UNIT_ID,
        "createdby": owner,
        "modifiedby": owner,
        "createdon": written,
        "modifiedon": written,
        "statecode": 0,
        "statuscode": 1,
    }


def full_row(env: Environment, table_name: str, data: Data) -> Data:
    """Return the row with its defaults and base amounts, without nulls and blanks, as the service stores it."""
    table: Table = env.schema.tables[table_name]
    defaults = {name: column.default for name, column in table.columns.items() if column.default is not None}
    whole = {**defaults, **data}
    whole |= settle_money(env.rows, table, whole, whole)
    return {name: value for name, value in whole.items() if value not in {None, ""}}


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
