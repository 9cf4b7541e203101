"""The environment variables of the original connector: the few switches a partner changes without editing a mapping."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from cosell.mapping.models import CopiedField, FieldRow, Mappings

Row = TypeVar("Row", FieldRow, CopiedField)
OWN_VALUE = "estimatedvalue"
"""The estimated revenue; its actual value is what the CRM asks for when a deal is won."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """The effective values; the defaults are those of the original (Microsoft: Customize the co-sell connector)."""

    show_check_mark: bool = True
    on_hold_answers: bool = True
    """Whether leaving On Hold accepts an invitation, and closing the opportunity declines it."""
    deal_value_field: str = OWN_VALUE
    country_code_field: str = "address1_country"
    deal_currency_field: str = "transactioncurrencyid"
    """A lookup to the currencies, or a column of text or choice which holds the three letters (ISO 4217)."""
    cosell_opportunities_only: bool = False
    """Whether only co-sell deals and pipeline deals arrive, and no leads."""
    marketplace_leads: bool = False
    """Whether leads of the marketplace and of the partner's profile arrive, too."""

    def fill_in(self, mappings: Mappings) -> Mappings:
        """Return the mappings with each `$name` column replaced by the column which the variable names."""
        columns = {
            "$deal_value": self.deal_value_field,
            "$country": self.country_code_field,
            "$deal_currency": self.deal_currency_field,
        }
        own = mappings.opportunity.columns
        opportunity = mappings.opportunity.model_copy(
            update={
                "fields": tuple(
                    _drop_actual(filled) if row.dataverse == "$deal_value" else filled
                    for row in mappings.opportunity.fields
                    for filled in (_fill_in(row, columns),)
                ),
                "columns": own.model_copy(update={"currency": columns.get(own.currency, own.currency)}),
            }
        )
        lead = mappings.lead.model_copy(
            update={"fields": tuple(_fill_in(row, columns) for row in mappings.lead.fields)}
        )
        account = mappings.account.model_copy(
            update={"fields": tuple(_fill_in(row, columns) for row in mappings.account.fields)}
        )
        return mappings.model_copy(update={"opportunity": opportunity, "lead": lead, "account": account})


def _fill_in(row: Row, columns: Mapping[str, str]) -> Row:
    return row.model_copy(update={"dataverse": columns.get(row.dataverse, row.dataverse)})


def _drop_actual(row: FieldRow) -> FieldRow:
    """Return a row without `when_won` unless it is that of the estimated revenue.

    The dialog in which a deal is won asks for the actual of that one, and of no other column.
    """
    return row if row.dataverse == OWN_VALUE else row.model_copy(update={"when_won": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVariable:
    """A variable as people edit it: `field` is what it is called in `Variables`, `words` are the values it takes.

    One that names a column takes its logical name. `name` is what it is called in Prefect, `crm` is the schema name of
    the CRM's environment variable which `cosell crm install` makes, `microsoft` that of Microsoft's connector.
    """

    name: str
    field: str
    words: Literal["yes or no", "answer or portal", "column"]
    effect: str
    crm: str
    microsoft: str = ""

    @property
    def default(self) -> str:
        """The value with which it begins, as a person reads it."""
        return self.spell(getattr(Variables(), self.field))

    def spell(self, meaning: object) -> str:
        """Return what `read` has read, as a person reads it."""
        spelled = (word for word, meant in _WORDS.get(self.words, {}).items() if meant is meaning)
        return next(spelled, str(meaning))

    def read(self, given: object) -> object:
        """Return what a value means.

        Raises:
            ValueError: it is none of those allowed, which the text names.
        """
        text = str(given).strip()
        known = _WORDS.get(self.words)
        if known is None:
            if not _COLUMN.fullmatch(text):
                raise ValueError(f"the logical name of a column, like {self.default}")
            return text
        found = {word.casefold(): meaning for word, meaning in known.items()}.get(text.casefold())
        if found is None:
            raise ValueError(self.words)
        return found


_COLUMN = re.compile(r"[a-z][a-z0-9_]*")
_YES_NO = {"Yes": True, "No": False, "true": True, "false": False, "1": True, "0": False}
_WORDS: dict[str, dict[str, bool]] = {
    "yes or no": _YES_NO,
    # In the CRM it is a variable of the type Yes/No.
    "answer or portal": {"answer": True, "portal": False, **_YES_NO},
}
KNOWN = (
    KnownVariable(
        name="cosell_show_check_mark_in_opportunity_name",
        field="show_check_mark",
        words="yes or no",
        effect="✔ or ✖ stands before the name of an opportunity that is shared",
        crm="cosell_ShowCheckMark",
        microsoft="msft_displaycheckmarkinname",
    ),
    KnownVariable(
        name="cosell_deal_value_field_name",
        field="deal_value_field",
        words="column",
        effect="the column of the opportunity which holds the deal value",
        crm="cosell_DealValueField",
        microsoft="msft_dealvaluefield",
    ),
    KnownVariable(
        name="cosell_customer_account_country_code_field_name",
        field="country_code_field",
        words="column",
        effect="the column of the account which holds the customer's country",
        crm="cosell_CountryCodeField",
        microsoft="msft_customeraccountcountrycode",
    ),
    KnownVariable(
        name="cosell_deal_currency_field_name",
        field="deal_currency_field",
        words="column",
        effect="the column of the opportunity which holds the currency: a lookup, text or choice",
        crm="cosell_DealCurrencyField",
        microsoft="msft_dealcurrencycodefield",
    ),
    KnownVariable(
        name="cosell_on_hold_handling",
        field="on_hold_answers",
        words="answer or portal",
        effect="*answer*: leaving On Hold accepts, closing declines; *portal*: only Partner Center answers",
        crm="cosell_OnHoldAnswers",
    ),
    KnownVariable(
        name="cosell_sync_cosell_opportunities_only",
        field="cosell_opportunities_only",
        words="yes or no",
        effect="only co-sell and pipeline deals arrive, no leads",
        crm="cosell_OpportunitiesOnly",
        microsoft="msft_synccosellopportunitiesonly",
    ),
    KnownVariable(
        name="cosell_sync_marketplace_leads",
        field="marketplace_leads",
        words="yes or no",
        effect="leads of the marketplace and of the partner's profile arrive, too",
        crm="cosell_MarketplaceLeads",
    ),
)
"""The variables which people edit."""
