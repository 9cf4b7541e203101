"""The rows and the schema an environment begins with: organisation, users, roles, currencies, messages; our columns."""

from datetime import datetime

from cosell.emulators.dataverse.access import ROLES, Actor
from cosell.emulators.dataverse.environment import BASE_CURRENCY_ID, BUSINESS_UNIT_ID, ORGANIZATION_ID, Environment
from cosell.emulators.dataverse.metadata import stable_id
from cosell.emulators.dataverse.privileges import CUSTOMIZING, READING_DEFINITIONS, add_privileges
from cosell.emulators.dataverse.rows import Data
from cosell.emulators.dataverse.times import stamp

SYSTEM_USER_ID = stable_id("user", "SYSTEM")
# code: (name, symbol, precision, units of it that one US dollar buys)
CURRENCIES: dict[str, tuple[str, str, int, float]] = {
    "USD": ("US Dollar", "$", 2, 1.0),
    "EUR": ("Euro", "€", 2, 0.92),
    "GBP": ("Pound Sterling", "£", 2, 0.79),
    "CHF": ("Swiss Franc", "CHF", 2, 0.88),
    "JPY": ("Japanese Yen", "¥", 0, 149.5),
    "CAD": ("Canadian Dollar", "CA$", 2, 1.36),
    "AUD": ("Australian Dollar", "A$", 2, 1.53),
    "SEK": ("Swedish Krona", "kr", 2, 10.45),
    "INR": ("Indian Rupee", "₹", 2, 83.1),
    "BRL": ("Brazilian Real", "R$", 2, 4.97),
}
# sign-in name: (first name, last name, roles)
PEOPLE: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "seller@contoso-partner.example": ("Sasha", "Verma", ("Salesperson",)),
    "seller2@contoso-partner.example": ("Noor", "Lindqvist", ("Salesperson",)),
    "manager@contoso-partner.example": ("Marit", "Okonjo", ("Sales Manager",)),
    "admin@contoso-partner.example": ("Adel", "Brandt", ("System Administrator",)),
    "owner-only@contoso-partner.example": ("Bela", "Castell", ("Basic User",)),
    "reader@contoso-partner.example": ("Rui", "Tanaka", ("Read Only",)),
    "no-role@contoso-partner.example": ("Nils", "Abara", ()),
}
MESSAGES = (
    "Create", "Update", "Delete", "Assign", "SetState", "Associate", "Disassociate", "Win", "Lose", "QualifyLead",
    "CreateMultiple", "UpdateMultiple", "UpsertMultiple", "Upsert", "Retrieve", "RetrieveMultiple",
)  # fmt: skip
BULK_TABLES = frozenset({"opportunity", "lead", "account", "contact", "task"})


def system_actor() -> Actor:
    """Return the SYSTEM user as the one who installs."""
    return Actor(user_id=SYSTEM_USER_ID, business_unit_id=BUSINESS_UNIT_ID, roles=("System Administrator",))


def user_id_of(email: str) -> str:
    """Return the id a person or an application keeps over resets."""
    return stable_id("user", email.lower())


def install_rows(env: Environment, now: datetime) -> None:
    """Write the rows a fresh environment has."""
    stamps: Data = {
        "createdon": stamp(now),
        "modifiedon": stamp(now),
        "createdby": SYSTEM_USER_ID,
        "modifiedby": SYSTEM_USER_ID,
    }
    insert = env.rows.insert
    insert("organization", ORGANIZATION_ID, stamps | _organization())
    insert("businessunit", BUSINESS_UNIT_ID, stamps | {"name": "Contoso Partner", "isdisabled": False})
    for code, (name, symbol, precision, rate) in CURRENCIES.items():
        insert("transactioncurrency", _currency_id(code), stamps | _currency(code, name, symbol, precision, rate))
    for role in ROLES:
        insert("role", stable_id("role", role), stamps | {"name": role, "businessunitid": BUSINESS_UNIT_ID})
    insert("systemuser", SYSTEM_USER_ID, stamps | _user("SYSTEM", "", "SYSTEM", access_mode=3))
    for email, (first, last, roles) in PEOPLE.items():
        add_user(env, stamps | _user(email, first, last, access_mode=0), email, roles)
    team: Data = {"name": "Contoso Partner", "teamtype": 0, "isdefault": True, "businessunitid": BUSINESS_UNIT_ID}
    insert("team", stable_id("team"), stamps | team)
    publisher: Data = {"uniquename": "DefaultPublisher", "friendlyname": "Default Publisher"}
    publisher |= {"customizationprefix": "new", "customizationoptionvalueprefix": 10000, "isreadonly": False}
    insert("publisher", stable_id("publisher"), stamps | publisher)
    solution: Data = {"uniquename": "Default", "friendlyname": "Default Solution", "version": "1.0", "ismanaged": False}
    solution |= {"isvisible": True, "publisherid": stable_id("publisher")}
    insert("solution", stable_id("solution"), stamps | solution)
    _install_messages(env, stamps)
    others = (*CUSTOMIZING, *READING_DEFINITIONS, "prvActOnBehalfOfAnotherUser")
    add_privileges(env, env.schema.tables.values(), now, others=others)


def add_user(env: Environment, data: Data, email: str, roles: tuple[str, ...]) -> None:
    """Write a user with roles."""
    env.rows.insert("systemuser", user_id_of(email), data)
    for role in roles:
        env.rows.link("systemuserroles_association", user_id_of(email), stable_id("role", role))


def application_user(env: Environment, client_id: str) -> None:
    """Write the application user of an app registration, with the role the admin centre gives it."""
    now = stamp(env.now())
    name = f"app-{client_id}"
    data = {"createdon": now, "modifiedon": now} | _user(name, "#", "Co-sell sync", access_mode=4)
    data |= {"applicationid": client_id.lower(), "internalemailaddress": f"{name}@contoso-partner.example"}
    add_user(env, data, name, ("System Administrator",))


def _organization() -> Data:
    return {
        "name": "contosopartner",
        "expirechangetrackingindays": 7,
        "languagecode": 1033,
        "maxuploadfilesize": 5_242_880,
        "currencydecimalprecision": 2,
        "basecurrencyid": BASE_CURRENCY_ID,
        "isauditenabled": False,
    }


def _currency_id(code: str) -> str:
    return stable_id("currency", code)


def _currency(code: str, name: str, symbol: str, precision: int, rate: float) -> Data:
    data: Data = {"isocurrencycode": code, "currencyname": name, "currencysymbol": symbol}
    return data | {"currencyprecision": precision, "exchangerate": rate, "statecode": 0, "statuscode": 1}


def _user(email: str, first: str, last: str, *, access_mode: int) -> Data:
    data: Data = {
        "fullname": f"{first} {last}".strip(),
        "firstname": first,
        "lastname": last,
        "internalemailaddress": email,
        "domainname": email,
        "azureactivedirectoryobjectid": stable_id("object", email),
        "isdisabled": False,
        "accessmode": access_mode,
        "businessunitid": BUSINESS_UNIT_ID,
        "transactioncurrencyid": BASE_CURRENCY_ID,
    }
    return {name: value for name, value in data.items() if value != ""}


def _install_messages(env: Environment, stamps: Data) -> None:
    tables = [table for table in env.schema.tables.values() if table.ownership == "UserOwned"]
    filters: list[tuple[str, Data]] = []
    for message in MESSAGES:
        message_id = stable_id("message", message)
        env.rows.insert("sdkmessage", message_id, stamps | {"name": message, "isactive": True})
        for table in tables:
            if message.endswith("Multiple") and message != "RetrieveMultiple" and table.logical not in BULK_TABLES:
                continue
            data: Data = {"primaryobjecttypecode": table.logical, "sdkmessageid": message_id}
            filters.append(
                (stable_id("filter", message, table.logical), stamps | data | {"iscustomprocessingstepallowed": True})
            )
    env.rows.insert_many("sdkmessagefilter", filters)
