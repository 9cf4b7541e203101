"""The partner's switches as Prefect variables: edited in the Prefect UI, obeyed by the next run."""

from prefect.variables import Variable

from cosell.mapping.variables import Variables

DEFAULTS = Variables()
SHOW_CHECK_MARK = "cosell_show_check_mark_in_opportunity_name"
DEAL_VALUE_FIELD = "cosell_deal_value_field_name"
COUNTRY_CODE_FIELD = "cosell_customer_account_country_code_field_name"
ONLY_COSELL_OPPORTUNITIES = "cosell_sync_cosell_opportunities_only"
MARKETPLACE_LEADS = "cosell_sync_marketplace_leads"

SHIPPED: dict[str, str] = {
    SHOW_CHECK_MARK: "Yes" if DEFAULTS.show_check_mark else "No",
    DEAL_VALUE_FIELD: DEFAULTS.deal_value_field,
    COUNTRY_CODE_FIELD: DEFAULTS.country_code_field,
    ONLY_COSELL_OPPORTUNITIES: "Yes" if DEFAULTS.cosell_opportunities_only else "No",
    MARKETPLACE_LEADS: "Yes" if DEFAULTS.marketplace_leads else "No",
}
"""Name to default value, for those which are not there yet."""


async def read_variables() -> Variables:
    """Return the effective values; a variable that is missing has its default."""
    return Variables(
        show_check_mark=str(await _get(SHOW_CHECK_MARK)).strip().lower() not in {"no", "false", "0"},
        deal_value_field=str(await _get(DEAL_VALUE_FIELD)).strip(),
        country_code_field=str(await _get(COUNTRY_CODE_FIELD)).strip(),
        cosell_opportunities_only=_is_yes(await _get(ONLY_COSELL_OPPORTUNITIES)),
        marketplace_leads=_is_yes(await _get(MARKETPLACE_LEADS)),
    )


def _is_yes(value: object) -> bool:
    return str(value).strip().lower() in {"yes", "true", "1"}


async def create_missing_variables() -> None:
    """Put the variables into the Prefect UI with their defaults; those which are there are left alone."""
    for name, value in SHIPPED.items():
        if await Variable.aget(name) is None:
            await Variable.aset(name, value, tags=["cosell"])


async def _get(name: str) -> object:
    return await Variable.aget(name, default=SHIPPED[name])
