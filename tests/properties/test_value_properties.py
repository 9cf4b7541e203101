"""Canonical values stay what they are, however often they are made canonical, stored or written."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from cosell.domain.money import Money
from cosell.domain.snapshot import Value, snapshot_from_json, snapshot_to_json
from cosell.mapping.fields import to_wire
from cosell.mapping.models import Kind
from cosell.mapping.parties import normalise
from cosell.mapping.values import (
    read_date,
    read_memo,
    read_money,
    read_text,
    read_value,
    shorten,
    strip_mark,
    text_length,
)
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.planner import fingerprint
from tests.properties.strategies import AMOUNTS, DAYS, VALUES

NOW = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
TEXT = st.text(max_size=60)
MARKED = st.text(alphabet="✔✖✓✗\ufe0f ab🚀", max_size=12)


@given(snapshot=st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=6))
def test_snapshot_survives_being_stored(snapshot: dict[str, Value]) -> None:
    stored = json.dumps(snapshot_to_json(snapshot))
    back = snapshot_from_json(json.loads(stored))
    assert back == snapshot
    assert {name: type(value) for name, value in back.items()} == {
        name: type(value) for name, value in snapshot.items()
    }
    assert json.dumps(snapshot_to_json(back)) == stored


@given(value=VALUES)
def test_fingerprint_is_the_same_after_being_stored(value: Value) -> None:
    assert fingerprint(snapshot_from_json(snapshot_to_json({"": value}))[""]) == fingerprint(value)


@given(amount=AMOUNTS, as_text=st.booleans())
@example(amount=Decimal("-0.001"), as_text=True)
def test_money_is_canonical_at_once(amount: Decimal, *, as_text: bool) -> None:
    once = read_money(str(amount) if as_text else amount, "eur")
    assert isinstance(once, Money)
    assert read_money(once.amount, once.currency) == once
    assert str(Money(amount=once.amount, currency=once.currency).amount) == str(once.amount)


@given(amount=st.floats(min_value=-1e12, max_value=1e12))
def test_double_of_partner_center_is_read_to_the_cent(amount: float) -> None:
    money = read_money(amount, "EUR")
    assert money is not None
    assert abs(float(money.amount) - amount) <= 0.0051 + abs(amount) * 1e-12


@given(day=DAYS)
def test_date_is_the_same_after_being_sent(day: date) -> None:
    assert read_date(to_wire(day)) == day
    assert read_date(day.isoformat()) == day


@given(raw=TEXT)
def test_text_is_canonical_at_once(raw: str) -> None:
    for kind in (Kind.TEXT, Kind.MEMO, Kind.ID):
        once = read_value(kind, raw)
        assert read_value(kind, once) == once


@given(raw=st.text(alphabet="\r\n a", max_size=12))
def test_memo_has_line_feeds_only(raw: str) -> None:
    once = read_memo(raw)
    assert once is None or "\r" not in once
    assert read_memo((once or "").replace("\n", "\r\n")) == once


@given(text=st.text(alphabet="ab …🚀\n", max_size=30), length=st.integers(min_value=1, max_value=20))
def test_text_is_cut_once_and_fits(text: str, length: int) -> None:
    cut = shorten(text, length)
    assert text_length(cut) <= length
    assert shorten(cut, length) == cut


@given(text=TEXT, length=st.integers(min_value=1, max_value=20))
def test_cut_text_is_canonical(text: str, length: int) -> None:
    once = read_text(text)
    if once is not None:
        assert read_text(shorten(once, length)) == shorten(once, length)


@given(name=MARKED)
def test_mark_is_taken_off_once(name: str) -> None:
    assert strip_mark(strip_mark(name)) == strip_mark(name)


@given(name=MARKED, has_problem=st.booleans(), show=st.booleans())
def test_name_is_the_same_with_and_without_our_mark(name: str, *, has_problem: bool, show: bool) -> None:
    bare = strip_mark(read_text(name))
    if bare is not None:
        assert strip_mark(mark_name(bare, has_problem=has_problem, show_check_mark=show)) == bare


@given(text=TEXT)
def test_normalised_text_does_not_care_for_case_and_blanks(text: str) -> None:
    assert normalise(f"  {text} ") == normalise(text)


@given(audit=TEXT, sentences=st.lists(TEXT, max_size=3), length=st.integers(min_value=2, max_value=80))
def test_audit_text_always_fits(audit: str, sentences: list[str], length: int) -> None:
    assert text_length(write_audit(audit, sentences, now=NOW, length=length)) <= length
