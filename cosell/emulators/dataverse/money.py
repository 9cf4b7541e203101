"""Amounts: rounded to the currency's precision, with their value in the base currency beside them."""

from decimal import ROUND_HALF_UP, Decimal

from cosell.emulators.dataverse.environment import BASE_CURRENCY_ID
from cosell.emulators.dataverse.metadata import Table
from cosell.emulators.dataverse.rows import Data, RowStore

CURRENCY = "transactioncurrencyid"
BASE_PLACES = Decimal("0.0001")


def settle_money(rows: RowStore, table: Table, data: Data, changed: Data) -> Data:
    """Return what a write of `changed` means for currency, exchange rate and base amounts of `data`.

    `exchangerate` says how many units of the currency one unit of the base currency buys, so base = amount / rate.
    """
    if CURRENCY not in table.columns or "exchangerate" not in table.columns or table.logical == "transactioncurrency":
        return {}
    amounts = [column.logical for column in table.money_columns]
    currency_id = str(data.get(CURRENCY) or BASE_CURRENCY_ID)
    settled: Data = {} if data.get(CURRENCY) else {CURRENCY: currency_id}
    moved = CURRENCY in changed or CURRENCY in settled or any(name in changed for name in amounts)
    currency = rows.get("transactioncurrency", currency_id)
    if not moved or currency is None:
        return settled
    rate = currency.data.get("exchangerate") or 1.0
    settled["exchangerate"] = rate
    places = Decimal(1).scaleb(-int(currency.data.get("currencyprecision", 2)))  # type: ignore[call-overload]
    for name in amounts:
        value = data.get(name)
        if value is None:
            settled[f"{name}_base"] = None
            continue
        amount = Decimal(repr(value)).quantize(places, ROUND_HALF_UP)
        settled[name] = float(amount)
        settled[f"{name}_base"] = float((amount / Decimal(repr(rate))).quantize(BASE_PLACES, ROUND_HALF_UP))
    return settled
