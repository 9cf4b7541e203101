"""Microsoft's own connector, which this project takes the place of: which of its columns is which of ours. Pure.

With its columns in place of ours, everything that reads and plans works on what the connector has left behind. Names of
columns and variables are those seen in a real organization; those of its two solutions tables are published nowhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cosell.errors import SchemaMissing
from cosell.mapping.models import Catalogue, LeadMapping, Mappings, OpportunityMapping, SolutionsMapping
from cosell.mapping.variables import KNOWN, Variables

PREFIX = "msft_"
SYNC_SWITCH = "msft_microsoftpartnercenterreferralsync"
REFERRAL_ID = "msft_microsoftpartnercenterreferralidentifier"
AUDIT = "msft_microsoftpartnercenterreferralsyncaudit"
OWN_COLUMNS: Mapping[str, str] = {"sync_switch": SYNC_SWITCH, "referral_id": REFERRAL_ID, "audit": AUDIT}
"""Columns which the sync itself reads and keeps, by our name."""
FIELD_COLUMNS: Mapping[str, str] = {
    "help": "msft_microsoftpartnercenterhelp",
    "visibility": "msft_microsoftpartnercenterreferralvisible",
    "purchase_intent": "msft_customerpurchaseintent",
    "referral_id": REFERRAL_ID,
    "referral_link": "msft_microsoftpartnercenterreferrallink",
    "referral_program": "msft_microsoftpartnercenterreferralprogram",
    "microsoft_crm_id": "msft_microsoftcrmidentifier",
}
"""Columns of its own for shared fields, by our field name; all other fields stand in the CRM's own columns."""
SYNCED_FIELDS = frozenset(
    {"name", "deal_value", "closing_date", "notes", "help", "visibility", "purchase_intent", "status"}
)
"""What the connector keeps in step, solutions aside: where it differs, an edit was lost or is under way."""
VARIABLES: Mapping[str, str] = {
    "msft_displaycheckmarkinname": "cosell_show_check_mark_in_opportunity_name",
    "msft_dealvaluefield": "cosell_deal_value_field_name",
    "msft_customeraccountcountrycode": "cosell_customer_account_country_code_field_name",
    "msft_dealcurrencycodefield": "cosell_deal_currency_field_name",
    "msft_synccosellopportunitiesonly": "cosell_sync_cosell_opportunities_only",
}
"""Its environment variables by schema name, and which of ours each is."""

Deal = TypeVar("Deal", OpportunityMapping, LeadMapping)


def find_lacking(table: str, present: Collection[str]) -> list[str]:
    """Return the columns without which a table shows no trace of the connector."""
    return [f"{table}.{column}" for column in OWN_COLUMNS.values() if column not in present]


def connector_mappings(mappings: Mappings, present: Collection[str]) -> Mappings:
    """Return the mappings with the connector's columns in place of ours.

    Args:
        mappings: those in use, with the variables filled in.
        present: the columns which the CRM's table of opportunities has; fields without a column are left out.

    Raises:
        SchemaMissing: the connector is not installed in this CRM.
    """
    lacking = find_lacking(mappings.opportunity.table, present)
    if lacking:
        raise SchemaMissing(
            f"Microsoft's connector has left no trace in this CRM: {', '.join(lacking)} is missing. There is nothing "
            "to take over; `cosell activate` begins anew."
        )
    return mappings.model_copy(update={"opportunity": with_connector_columns(mappings.opportunity, present)})


def with_connector_columns(mapping: Deal, present: Collection[str]) -> Deal:
    """Return a mapping with the connector's columns where it has some, without fields whose column is missing."""
    columns = mapping.columns.model_copy(update=dict(OWN_COLUMNS))
    fields = (
        row.model_copy(update={"dataverse": FIELD_COLUMNS.get(row.field, row.dataverse)}) for row in mapping.fields
    )
    return mapping.model_copy(
        update={"columns": columns, "fields": tuple(row for row in fields if row.dataverse in present)}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorTables:
    """Its two solutions tables, as they were found in the CRM; lookups are spelled as schema names.

    What no column was found for is None: then the CRM cannot hold it.
    """

    table: str
    set: str
    id: str
    opportunity: str
    detail: str
    name: str
    quantity: str | None
    price: str | None
    catalogue_table: str
    catalogue_set: str
    catalogue_id: str
    catalogue_name: str
    identifier: str
    type: str | None
    publisher: str | None

    def as_mapping(self, shipped: SolutionsMapping) -> SolutionsMapping | None:
        """Return the tables as a mapping of ours, None when they cannot hold all that the sync keeps in them."""
        if self.quantity is None or self.price is None or self.type is None or self.publisher is None:
            return None
        catalogue = Catalogue(
            table=self.catalogue_table,
            set=self.catalogue_set,
            id=self.catalogue_id,
            name=self.catalogue_name,
            identifier=self.identifier,
            type=self.type,
            publisher=self.publisher,
            headings=shipped.catalogue.headings,
        )
        return SolutionsMapping(
            table=self.table,
            set=self.set,
            id=self.id,
            opportunity=self.opportunity,
            detail=self.detail,
            name=self.name,
            quantity=self.quantity,
            price=self.price,
            currency=None,
            catalogue=catalogue,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVariable:
    """One of its variables, what it says, and what ours says; `problem` is why ours cannot take the value."""

    schema_name: str
    name: str
    value: str
    own: str
    problem: str = ""

    @property
    def differs(self) -> bool:
        """Whether taking it over would change anything."""
        return not self.problem and self.value != self.own


def offer_variables(theirs: Mapping[str, str], ours: Variables) -> tuple[OfferedVariable, ...]:
    """Return those of its variables which we know, in our spelling."""
    known = {variable.name: variable for variable in KNOWN}
    offered: list[OfferedVariable] = []
    for schema_name, name in VARIABLES.items():
        given, variable = theirs.get(schema_name), known[name]
        if given is None or not given.strip():
            continue
        own = variable.spell(getattr(ours, variable.field))
        try:
            value, problem = variable.spell(variable.read(given)), ""
        except ValueError as error:
            value, problem = given, f"ours has to be {error}"
        offered.append(OfferedVariable(schema_name=schema_name, name=name, value=value, own=own, problem=problem))
    return tuple(offered)


def overlay_of(
    theirs: Mappings, tables: ConnectorTables | None, shipped: Mappings, lengths: Mapping[str, int]
) -> dict[str, dict[str, object]]:
    """Return mapping files, by name, which name the connector's columns in place of ours; only what differs.

    `lengths` are the longest texts of the CRM's columns: the connector's may take less than ours.
    """
    fields: list[dict[str, object]] = []
    for row in theirs.opportunity.fields:
        if FIELD_COLUMNS.get(row.field) == row.dataverse:
            longest = lengths.get(row.dataverse)
            is_shorter = row.length is not None and longest is not None and longest < row.length
            named: dict[str, object] = {"field": row.field, "dataverse": row.dataverse}
            fields.append(named | ({"length": longest} if is_shorter else {}))
    files: dict[str, dict[str, object]] = {"opportunity": {"columns": dict(OWN_COLUMNS), "fields": fields}}
    solutions = tables.as_mapping(shipped.solutions) if tables else None
    if solutions is not None:
        said = solutions.model_dump(mode="json")
        said["catalogue"].pop("headings")
        files["solutions"] = said
    return files
