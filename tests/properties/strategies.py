"""What people and services may put into the shared fields: few values, so that both sides often meet."""

from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from cosell.domain.money import Money
from cosell.domain.snapshot import Value

TEXTS = st.sampled_from([None, "", "a", "b", "c"])
AMOUNTS = st.decimals(min_value=Decimal("-1e9"), max_value=Decimal("1e12"), places=4)
MONIES = st.builds(
    lambda amount, currency: Money(amount=amount, currency=currency), AMOUNTS, st.sampled_from(["EUR", "USD"])
)
DAYS = st.dates(min_value=date(1753, 1, 1), max_value=date(9999, 12, 31))
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=20),
    AMOUNTS,
    DAYS,
    MONIES,
    st.frozensets(st.text(max_size=5), max_size=3),
)

RAW_NAMES = st.one_of(
    st.sampled_from(
        [None, "", "Wingtip", "✔ Wingtip", "✖ ✔ Other", " Wingtip ", "✔", "n" * 298, "n" * 300, "🚀" * 150]
    ),
    st.text(max_size=12),
)
RAW_LONG_NAMES = st.one_of(RAW_NAMES, st.sampled_from(["n" * 301, "✔ " + "n" * 400, "🚀" * 200]))
RAW_NOTES = st.one_of(
    st.sampled_from([None, "", "one\r\ntwo", "one\ntwo", "x" * 2000, "🚀" * 1000]), st.text(max_size=12)
)
RAW_LONG_NOTES = st.one_of(RAW_NOTES, st.sampled_from(["x" * 2001, "y " * 1500, "🚀" * 1001]))
RAW_AMOUNTS = st.sampled_from([None, 0, 0.1, 12.345, "12.35", "50000", 50000.0, Decimal("12.3450"), "1e30", "much"])
RAW_DATES = st.sampled_from(
    [None, "", "2027-03-31", "2027-03-31T00:00:00Z", "2027-04-01T12:34:56.1234567Z", "0001-01-01T00:00:00", "soon"]
)
CURRENCY_CODES = st.sampled_from(["EUR", "USD", "eur", "SEK", None])
