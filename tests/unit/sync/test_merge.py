import pytest

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value
from cosell.sync.merge import UNKNOWN, Merge, merge_field, winner_of

TRUTH_TABLE: list[tuple[str, object, Value, Value, Merge]] = [
    # story                                          base     PC      CRM     found
    ("nobody moved", "a", "a", "a", Merge.AGREED),
    ("both moved to the same", "a", "b", "b", Merge.AGREED),
    ("both emptied it", "a", None, None, Merge.AGREED),
    ("the CRM moved", "a", "a", "b", Merge.TO_PARTNER_CENTER),
    ("the CRM emptied it", "a", "a", None, Merge.TO_PARTNER_CENTER),
    ("the CRM filled it", None, None, "b", Merge.TO_PARTNER_CENTER),
    ("Partner Center moved", "a", "b", "a", Merge.TO_DATAVERSE),
    ("Partner Center emptied it", "a", None, "a", Merge.TO_DATAVERSE),
    ("Partner Center filled it", None, "b", None, Merge.TO_DATAVERSE),
    ("both moved, differently", "a", "b", "c", Merge.CONFLICT),
    ("one emptied what the other changed", "a", None, "c", Merge.CONFLICT),
    ("the other way round", "a", "b", None, Merge.CONFLICT),
    ("both filled it, differently", None, "b", "c", Merge.CONFLICT),
    ("first meeting, the same", UNKNOWN, "a", "a", Merge.AGREED),
    ("first meeting, both empty", UNKNOWN, None, None, Merge.AGREED),
    ("first meeting, only Partner Center says it", UNKNOWN, "a", None, Merge.TO_DATAVERSE),
    ("first meeting, only the CRM says it", UNKNOWN, None, "a", Merge.TO_PARTNER_CENTER),
    ("first meeting, different", UNKNOWN, "a", "b", Merge.CONFLICT),
    ("two spellings of nothing", "a", "", None, Merge.AGREED),
    ("an empty set and nothing", UNKNOWN, frozenset(), None, Merge.AGREED),
]


@pytest.mark.parametrize(
    ("base", "partner_center", "dataverse", "found"),
    [row[1:] for row in TRUTH_TABLE],
    ids=[row[0] for row in TRUTH_TABLE],
)
def test_each_row_of_the_truth_table(base: object, partner_center: Value, dataverse: Value, found: Merge) -> None:
    assert merge_field(base=base, partner_center=partner_center, dataverse=dataverse) is found


@pytest.mark.parametrize("owner", list(Side))
def test_only_a_conflict_asks_for_the_owner(owner: Side) -> None:
    assert winner_of(Merge.AGREED, owner=owner) is None
    assert winner_of(Merge.TO_PARTNER_CENTER, owner=owner) is Side.DATAVERSE
    assert winner_of(Merge.TO_DATAVERSE, owner=owner) is Side.PARTNER_CENTER
    assert winner_of(Merge.CONFLICT, owner=owner) is owner
