import json
from datetime import date
from decimal import Decimal

import pytest

from cosell.domain.money import Money
from cosell.domain.snapshot import Value, is_empty, snapshot_from_json, snapshot_to_json

EACH_KIND: dict[str, Value] = {
    "text": "Wingtip",
    "flag": False,
    "number": Decimal("1.50"),
    "day": date(2027, 3, 31),
    "money": Money(amount=Decimal("50000.01"), currency="EUR"),
    "ids": frozenset({"SOL-2", "SOL-1"}),
    "nothing": None,
}


def test_snapshot_survives_being_stored() -> None:
    stored = json.dumps(snapshot_to_json(EACH_KIND))
    assert snapshot_from_json(json.loads(stored)) == EACH_KIND


def test_stored_snapshot_is_the_same_every_time() -> None:
    other_order = EACH_KIND | {"ids": frozenset(["SOL-1", "SOL-2"])}
    assert json.dumps(snapshot_to_json(EACH_KIND)) == json.dumps(snapshot_to_json(other_order))


@pytest.mark.parametrize("stored", [1, 1.5, [], {}, {"day": "2027-03-31"}, {"date": 5}])
def test_value_of_an_unknown_kind_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        snapshot_from_json({"field": stored})


@pytest.mark.parametrize("value", [None, "", frozenset()])
def test_what_says_nothing_is_empty(value: Value) -> None:
    assert is_empty(value)


@pytest.mark.parametrize("value", [False, Decimal(0), " ", Money(amount=Decimal(0), currency="EUR"), frozenset({""})])
def test_what_says_something_is_not_empty(value: Value) -> None:
    assert not is_empty(value)
