"""Which stage a status reason means and which one is written, with and without the CRM's labels."""

import pytest

from cosell.domain.stages import OpportunityStage, StatusReason
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import StatusRow
from cosell.mapping.statuses import StatusBook, WrittenStatus

SHIPPED = load_mappings().statuses.opportunity
KNOWN = (
    StatusReason(value=1, state=0, label="In Progress"),
    StatusReason(value=2, state=0, label="On Hold"),
    StatusReason(value=3, state=1, label="Won"),
    StatusReason(value=4, state=2, label="Canceled"),
    StatusReason(value=5, state=2, label="Out-Sold"),
    StatusReason(value=100_000_001, state=0, label="Waiting for Budget"),
    StatusReason(value=100_000_002, state=2, label="No Budget"),
)
WAITING = StatusRow(stage=OpportunityStage.ON_HOLD, state=0, label="waiting for budget")
NO_BUDGET = StatusRow(stage=OpportunityStage.LOST, state=2, label="No Budget", reason=("Budget not adequate",))


@pytest.mark.parametrize(
    ("state", "number", "stage"),
    [
        (0, 1, OpportunityStage.OPEN),
        (0, 2, OpportunityStage.ON_HOLD),
        (1, 3, OpportunityStage.WON),
        (2, 4, OpportunityStage.LOST),
        (2, 5, OpportunityStage.LOST),
        (0, 100_000_001, OpportunityStage.OPEN),
        (1, 100_000_009, OpportunityStage.WON),
        (2, 100_000_002, OpportunityStage.LOST),
        (3, 6, OpportunityStage.UNKNOWN),
        (None, None, OpportunityStage.UNKNOWN),
    ],
)
def test_status_reason_which_no_row_names_is_judged_by_its_state(
    state: int | None, number: int | None, stage: OpportunityStage
) -> None:
    assert StatusBook(rows=SHIPPED).read_stage(state, number) is stage


def test_state_which_was_not_read_is_found_by_the_status_reason() -> None:
    assert StatusBook(rows=SHIPPED, known=KNOWN).read_stage(None, 100_000_002) is OpportunityStage.LOST


def test_label_stands_for_the_number_in_any_case() -> None:
    book = StatusBook(rows=(WAITING, *SHIPPED), known=KNOWN)

    assert book.read_stage(0, 100_000_001) is OpportunityStage.ON_HOLD
    assert book.read_stage(0, 2) is OpportunityStage.ON_HOLD
    assert book.find_status(OpportunityStage.ON_HOLD) == WrittenStatus(state=0, status_reason=100_000_001)
    assert book.find_missing() == []


def test_label_counts_in_its_own_state_only() -> None:
    row = StatusRow(stage=OpportunityStage.LOST, state=2, label="Waiting for Budget")
    assert StatusBook(rows=(row, *SHIPPED), known=KNOWN).find_missing() == [row]


def test_label_which_is_not_found_leaves_open_what_unnamed_status_reasons_of_its_state_mean() -> None:
    row = StatusRow(stage=OpportunityStage.ON_HOLD, state=0, label="Renamed")
    book = StatusBook(rows=(row, *SHIPPED), known=KNOWN)

    assert book.find_status(OpportunityStage.ON_HOLD) is None
    assert book.read_stage(0, 100_000_001) is OpportunityStage.UNKNOWN, "it may be the one, and open would accept"
    assert book.read_stage(0, 1) is OpportunityStage.OPEN
    assert book.read_stage(2, 100_000_002) is OpportunityStage.LOST


@pytest.mark.parametrize(
    ("reason", "number"),
    [
        ("", 4),
        ("Customer chose another vendor", 5),
        ("customerChoseAnotherVendor", 5),
        ("Abuse/Spam/Phishing", 4),
        ("Something that nobody foresaw", 4),
    ],
)
def test_reason_of_partner_center_picks_the_status_reason(reason: str, number: int) -> None:
    found = StatusBook(rows=SHIPPED).find_status(OpportunityStage.LOST, reason=reason)
    assert found == WrittenStatus(state=2, status_reason=number)


def test_reason_of_a_row_of_ones_own_is_understood_both_ways() -> None:
    book = StatusBook(rows=(*SHIPPED[:3], *SHIPPED[4:], NO_BUDGET), known=KNOWN)

    found = book.find_status(OpportunityStage.LOST, reason="Budget not adequate")
    assert found == WrittenStatus(state=2, status_reason=100_000_002)
    assert book.read_reason(2, 100_000_002) == "Budget not adequate"


@pytest.mark.parametrize(
    ("number", "reason"), [(4, "Others"), (5, "Customer chose another vendor"), (100_000_002, "Others")]
)
def test_status_reason_says_partner_centers_reason(number: int, reason: str) -> None:
    assert StatusBook(rows=SHIPPED).read_reason(2, number) == reason
