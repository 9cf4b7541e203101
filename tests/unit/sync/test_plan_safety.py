from collections.abc import Mapping

import pytest

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value
from cosell.errors import UnsafePlan
from cosell.sync.plan import EMPTIED_AT_MOST
from tests.unit.sync.pairs import AGREED, fields, plan, row

NAMES = ("name", "notes", "campaign", "budget")
ROWS = tuple(row(field=name) for name in NAMES)
FULL: Mapping[str, Value] = dict.fromkeys(NAMES, "something")


@pytest.mark.parametrize("side", list(Side))
def test_side_which_looks_empty_stops_the_plan(side: Side) -> None:
    emptied: Mapping[str, Value] = dict.fromkeys(NAMES)
    sides = {side: emptied, side.other: FULL}
    wiped = plan(referral=sides[Side.PARTNER_CENTER], opportunity=sides[Side.DATAVERSE], base=FULL, rows=ROWS)
    with pytest.raises(UnsafePlan) as refusal:
        wiped.raise_if_unsafe("opportunity 1")
    assert "4 fields would be emptied" in refusal.value.message
    assert all(name in refusal.value.message for name in NAMES)
    assert refusal.value.origin.record == "opportunity 1"


def test_text_of_an_unsafe_plan_names_fields_and_never_a_value() -> None:
    wiped = plan(referral=dict.fromkeys(NAMES), opportunity=FULL, base=FULL, rows=ROWS)
    with pytest.raises(UnsafePlan) as refusal:
        wiped.raise_if_unsafe("opportunity 1")
    assert "something" not in str(refusal.value)


def test_a_person_may_empty_a_field_or_two() -> None:
    edited = {**FULL, **dict.fromkeys(NAMES[:EMPTIED_AT_MOST])}
    plan(referral=FULL, opportunity=edited, base=FULL, rows=ROWS).raise_if_unsafe("opportunity 1")


def test_many_changes_which_empty_nothing_are_safe() -> None:
    plan(referral=FULL, opportunity=dict.fromkeys(NAMES, "else"), base=FULL, rows=ROWS).raise_if_unsafe("opportunity 1")


def test_partner_center_which_lost_everything_does_not_empty_the_crm() -> None:
    lost = fields(**dict.fromkeys(name for name in AGREED if name[0] != "$"))
    with pytest.raises(UnsafePlan):
        plan(referral=lost).raise_if_unsafe("opportunity 1")
