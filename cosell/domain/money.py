"""An amount and its currency, which only mean something together."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A deal value: `amount` in whole units of `currency` (ISO 4217, upper case), canonical to two decimals.

    Both services keep more digits than people type (Dataverse four, Partner Center a double); two is what both show,
    so two is what is compared.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        """Bring amount and currency into their canonical form.

        Raises:
            ValueError: the amount is not finite, or has more digits than any deal.
        """
        try:
            amount = self.amount.quantize(CENT, rounding=ROUND_HALF_UP)
        except InvalidOperation:
            raise ValueError("an amount with too many digits") from None
        if not amount.is_finite():
            raise ValueError("not an amount")
        # Adding nothing turns a minus nought into a nought: one value, one spelling.
        object.__setattr__(self, "amount", amount + 0)
        object.__setattr__(self, "currency", self.currency.strip().upper())

    def __str__(self) -> str:
        """Read like `1,250.00 EUR`."""
        return f"{self.amount:,.2f} {self.currency}"
