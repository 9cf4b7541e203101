"""What the numbers of a CRM mean in tests: two currencies, and each choice with the labels that ship."""

from cosell.mapping.codes import ChoiceCodes, Codes, Currencies
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import Kind

EURO_ID = "0c000000-0000-4000-8000-000000000001"
DOLLAR_ID = "0c000000-0000-4000-8000-000000000002"
CURRENCIES = Currencies({EURO_ID: "EUR", DOLLAR_ID: "USD"})
FIRST_OPTION = 273_100_000
_MAPPINGS = load_mappings()
CODES = Codes(
    currencies=CURRENCIES,
    choices={
        row.dataverse: ChoiceCodes(
            table=_MAPPINGS.choices[row.choices],
            options={label: FIRST_OPTION + number for number, label in enumerate(_MAPPINGS.choices[row.choices])},
        )
        for row in _MAPPINGS.opportunity.fields
        if row.kind is Kind.CHOICE and row.choices
    },
)
