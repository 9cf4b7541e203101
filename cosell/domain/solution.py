"""A Microsoft solution of a deal as a field of its own, so that each is merged, told and disputed for itself."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CENT = Decimal("0.01")
QUANTITY_AT_MOST = 2_147_483_647
PRICE_AT_MOST = Decimal(922_337_203_685_477)
"""What a whole number and an amount of money hold in Dataverse (Microsoft: Column data types)."""
SOLUTION = "solution:"
"""Begins the name of the field of a solution; its identifier follows, as the services spell it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionTerms:
    """How many of a solution are sold with a deal, and for what price in the deal's currency.

    0 and nothing are the same: both are None.
    """

    quantity: Decimal | None = None
    price: Decimal | None = None

    def __post_init__(self) -> None:
        """Bring both into their canonical form.

        Raises:
            ValueError: one of them is nothing that both sides can hold.
        """
        quantity, price = self.quantity or Decimal(0), self.price or Decimal(0)
        try:
            whole, cents = quantity.quantize(Decimal(1)), price.quantize(CENT, rounding=ROUND_HALF_UP)
        except InvalidOperation:
            raise ValueError("a number with too many digits") from None
        if whole != quantity or not 0 <= whole <= QUANTITY_AT_MOST:
            raise ValueError("the quantity is not a whole number from 0")
        if not 0 <= cents <= PRICE_AT_MOST:
            raise ValueError("the price is below 0 or too high")
        object.__setattr__(self, "quantity", whole or None)
        object.__setattr__(self, "price", cents or None)

    def __str__(self) -> str:
        """Read like `quantity 3, price 1,250.00`."""
        quantity = f"quantity {self.quantity}" if self.quantity else ""
        price = f"price {self.price:,.2f}" if self.price else ""
        return ", ".join(part for part in (quantity, price) if part) or "without quantity and price"


def solution_field(identifier: str) -> str:
    """Return the name of the field of a solution."""
    return f"{SOLUTION}{identifier}"


def find_identifier(field: str) -> str | None:
    """Return the identifier of the solution whose field this is, None when it is another field."""
    return field.removeprefix(SOLUTION) if field.startswith(SOLUTION) else None
