"""The environment variables of the original connector: the few switches a partner changes without editing a mapping."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from cosell.mapping.models import CopiedField, FieldRow, Mappings

Row = TypeVar("Row", FieldRow, CopiedField)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """The effective values; the defaults are those of the original (Microsoft: Customize the co-sell connector)."""

    show_check_mark: bool = True
    on_hold_answers: bool = True
    """Whether leaving On Hold accepts an invitation, and closing the opportunity declines it."""
    deal_value_field: str = "estimatedvalue"
    country_code_field: str = "address1_country"
    cosell_opportunities_only: bool = False
    """Whether only co-sell deals and pipeline deals arrive, and no leads."""
    marketplace_leads: bool = False
    """Whether leads of the marketplace and of the partner's profile arrive, too."""

    def fill_in(self, mappings: Mappings) -> Mappings:
        """Return the mappings with each `$name` column replaced by the column which the variable names."""
        columns = {"$deal_value": self.deal_value_field, "$country": self.country_code_field}
        opportunity = mappings.opportunity.model_copy(
            update={"fields": tuple(_fill_in(row, columns) for row in mappings.opportunity.fields)}
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
