from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from cosell.domain.money import Money
from cosell.mapping.models import Kind
from cosell.mapping.values import (
    cut,
    find_pointer,
    read_date,
    read_decimal,
    read_memo,
    read_money,
    read_text,
    read_value,
    shorten,
    strip_mark,
    text_length,
)


@pytest.mark.parametrize("raw", [None, "", "  ", "\r\n", "\t"])
def test_nothing_blanks_and_empty_text_are_all_nothing(raw: str | None) -> None:
    assert read_text(raw) is None
    assert read_memo(raw) is None
    assert read_date(raw) is None
    assert read_decimal(raw) is None


def test_text_has_no_blanks_around_it() -> None:
    assert read_text("  Ines \n") == "Ines"
    assert read_text(42) == "42"


def test_line_ends_of_both_services_are_the_same() -> None:
    assert read_memo("one\r\ntwo\rthree\nfour\r\n") == "one\ntwo\nthree\nfour"


@pytest.mark.parametrize(
    "raw",
    [
        "2027-03-31",
        "2027-03-31T00:00:00Z",
        "2027-03-31T23:59:59.1234567Z",
        "2027-03-31T00:00:00+00:00",
        date(2027, 3, 31),
        datetime(2027, 3, 31, 12, tzinfo=UTC),
    ],
)
def test_date_is_the_day_however_many_digits_its_fraction_has(raw: object) -> None:
    assert read_date(raw) == date(2027, 3, 31)


@pytest.mark.parametrize(
    "raw", ["soon", "31.03.2027", "2027-02-30", "20270331", "2027-W13-3", "2027-03-3", "1752-12-31"]
)
def test_what_is_no_date_is_refused(raw: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the text is for people
        read_date(raw)


@pytest.mark.parametrize("raw", ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z"])
def test_day_that_nobody_has_set_is_nothing(raw: str) -> None:
    assert read_date(raw) is None


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (10000, Decimal(10000)),
        ("10000", Decimal(10000)),
        (Decimal("10000.5"), Decimal("10000.5")),
        (0.1, Decimal("0.1")),
        ("-3.50", Decimal("-3.50")),
        ("1e3", Decimal(1000)),
    ],
)
def test_number_may_arrive_as_number_or_text(raw: object, number: Decimal) -> None:
    assert read_decimal(raw) == number


@pytest.mark.parametrize("raw", ["ten", "1,000", "NaN", "Infinity", float("inf"), True, "1_000", {}])
def test_what_is_no_number_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read_decimal(raw)


@pytest.mark.parametrize("amount", [1250.5, "1250.50", Decimal("1250.5000"), 1250.499999])
def test_money_is_the_same_from_number_text_and_decimal(amount: object) -> None:
    assert read_money(amount, " eur ") == Money(amount=Decimal("1250.50"), currency="EUR")


def test_no_amount_is_no_money() -> None:
    assert read_money(None, "EUR") is None
    assert read_money("", "EUR") is None


def test_amount_without_a_currency_is_refused_but_for_nought() -> None:
    with pytest.raises(ValueError, match="without a currency"):
        read_money(5, None)
    assert read_money(0, None) is None
    assert read_money(0, "EUR") == Money(amount=Decimal(0), currency="EUR")


def test_amount_with_more_digits_than_any_deal_is_refused() -> None:
    with pytest.raises(ValueError, match="too many digits"):
        read_money("1e30", "EUR")


def test_id_is_lower_case() -> None:
    assert read_value(Kind.ID, " 0A00-FF ") == "0a00-ff"
    assert read_value(Kind.ID, None) is None


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.MONEY])
@pytest.mark.parametrize("raw", [{}, {"a": 1}, [], ["a"]])
def test_table_or_list_is_no_value_of_a_field(kind: Kind, raw: object) -> None:
    with pytest.raises(ValueError, match="not a single value"):
        read_value(kind, raw)


def test_text_that_is_too_long_is_cut_and_marked() -> None:
    assert shorten("four", 4) == "four"
    assert shorten("fours", 4) == "fou…"
    assert shorten("one two three", 8) == "one two…"
    assert shorten("one  two", 6) == "one…", "no blank before the mark"


def test_emoji_counts_twice_as_in_the_crm() -> None:
    assert text_length("a🚀") == 3
    assert shorten("🚀🚀🚀", 6) == "🚀🚀🚀"
    assert shorten("🚀🚀🚀", 5) == "🚀🚀…"
    assert cut("🚀🚀", 3) == "🚀"


@pytest.mark.parametrize(
    "name",
    ["Wingtip", "✔ Wingtip", "✖ Wingtip", "✖ ✔ Wingtip", "  ✔  Wingtip", "✓ Wingtip", "✔✔Wingtip", "✔\ufe0f Wingtip"],
)
def test_name_has_no_mark(name: str) -> None:
    assert strip_mark(name) == "Wingtip"


@pytest.mark.parametrize("name", [None, "", "  ", "✔", "✖ ✔ "])
def test_name_of_marks_and_blanks_is_no_name(name: str | None) -> None:
    assert strip_mark(name) is None


def test_mark_inside_a_name_is_the_sellers_own() -> None:
    assert strip_mark("Wingtip ✔ done") == "Wingtip ✔ done"


def test_pointer_leads_into_tables_and_lists_in_any_case_of_key() -> None:
    document = {"Details": {"dealvalue": 5, "team": [{"name": "Oda"}]}}
    assert find_pointer(document, "/details/dealValue") == 5
    assert find_pointer(document, "/details/team/0/name") == "Oda"


@pytest.mark.parametrize(
    "pointer", ["/other", "/details/other/more", "/details/team/1/name", "/details/team/x", "/details/n/x"]
)
def test_pointer_to_nowhere_finds_nothing(pointer: str) -> None:
    assert find_pointer({"details": {"team": [{}], "n": 5}}, pointer) is None


def test_key_which_is_spelled_exactly_goes_first() -> None:
    assert find_pointer({"NAME": "other", "name": "this"}, "/name") == "this"
