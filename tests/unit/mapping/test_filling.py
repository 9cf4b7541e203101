"""Rows by which the sync fills columns by itself: what they may say, how it is written, and when it is a change."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from cosell.domain.money import Money
from cosell.errors import MappingInvalid
from cosell.mapping.codes import LookupBook
from cosell.mapping.filling import FillCodes, fill
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import FillRow
from cosell.mapping.scope import make_scope
from cosell.mapping.trying import try_expressions

TODAY = date(2030, 1, 15)
SCOPE = make_scope(
    load_mappings(),
    today=TODAY,
    document={"qualification": "SalesQualified"},
    referral={"deal_value": Money(amount=Decimal(500), currency="EUR")},
)
BOOK = LookupBook(navigation="new_Region", set="new_regions", texts={"aa": "EMEA", "bb": "APAC"})
CODES = FillCodes(options={"new_channel": {"Partner": 1, "Microsoft": 2}}, lookups={"new_region": BOOK})


def row(**keys: object) -> FillRow:
    return FillRow.model_validate({"dataverse": "new_x", **keys})


@pytest.mark.parametrize(
    ("made", "body"),
    [
        (row(value="EMEA"), {"new_x": "EMEA"}),
        (row(value=7), {"new_x": "7"}),
        (row(kind="number", value=7), {"new_x": Decimal(7)}),
        (row(kind="money", expression="referral.deal_value * 0.5"), {"new_x": Decimal(250)}),
        (row(kind="money", expression="referral.deal_value / 3"), {"new_x": Decimal("166.67")}),
        (row(kind="number", expression="(referral.deal_value / 3) | round"), {"new_x": Decimal(167)}),
        (row(kind="flag", value=False), {"new_x": False}),
        (row(kind="flag", expression="referral.deal_value > 100"), {"new_x": True}),
        (row(kind="date", value="today + 30"), {"new_x": "2030-02-14"}),
        (row(kind="date", value="today - 1"), {"new_x": "2030-01-14"}),
        (row(kind="date", value=date(2031, 1, 1)), {"new_x": "2031-01-01"}),
        (row(kind="date", expression="today + 7"), {"new_x": "2030-01-22"}),
        (row(dataverse="new_channel", kind="choice", value="microsoft"), {"new_channel": 2}),
        (
            row(dataverse="new_region", kind="lookup", lookup="new_code", value="emea"),
            {"new_Region@odata.bind": "/new_regions(aa)"},
        ),
        (row(expression="referral.notes"), {}),
    ],
)
def test_column_is_written_as(made: FillRow, body: dict[str, object]) -> None:
    found = fill([made], SCOPE, codes=CODES)
    assert (found.body, found.problems) == (body, {})


@pytest.mark.parametrize(
    ("made", "present"),
    [
        (row(value="EMEA"), {"new_x": " EMEA "}),
        (row(kind="money", value=250), {"new_x": "250.0000"}),
        (row(kind="money", expression="referral.deal_value / 3"), {"new_x": 166.67}),
        (row(kind="memo", value="a\nb"), {"new_x": "a\r\nb"}),
        (row(kind="flag", value=False), {"new_x": None}),
        (row(kind="date", value=date(2031, 1, 1)), {"new_x": "2031-01-01T00:00:00Z"}),
        (row(dataverse="new_channel", kind="choice", value="Microsoft"), {"new_channel": 2}),
        (row(dataverse="new_region", kind="lookup", lookup="new_code", value="EMEA"), {"_new_region_value": "AA"}),
    ],
)
def test_what_stands_there_already_is_no_change(made: FillRow, present: dict[str, object]) -> None:
    assert fill([made], SCOPE, codes=CODES, present=present).body == {}
    assert fill([made], SCOPE, codes=CODES, present={}).body or made.value is False


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (row(kind="money", expression="referral.notes * 2"), "it takes no number"),
        (row(kind="money", expression="'much'"), "this is no number"),
        (row(kind="flag", expression="'yes'"), "a flag is yes or no"),
        (row(kind="date", expression="'soon'"), "this is no day"),
        (row(dataverse="new_channel", kind="choice", value="Nobody"), "no such option"),
        (row(dataverse="new_region", kind="lookup", lookup="new_code", value="Moon"), "no such row"),
    ],
)
def test_column_which_cannot_be_filled_is_left_out_with_a_reason(made: FillRow, problem: str) -> None:
    found = fill([made, row(dataverse="new_y", value="there")], SCOPE, codes=CODES)
    assert found.body == {"new_y": "there"}
    assert problem in found.problems[made.dataverse]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("value: a, expression: \"'a'\"", "by value or by expression"),
        ("kind: text", "by value or by expression"),
        ("kind: flag, value: 'yes'", "a flag is yes or no"),
        ("kind: money, value: much", "this is no number"),
        ("kind: date, value: soon", "this is no day"),
        ("kind: lookup, value: a", "lookup names a column"),
        ("value: a, lookup: new_code", "lookup names a column"),
        ("kind: date, value: today + 1, when: always", "today moves by itself"),
        ("kind: date, expression: today + 1, when: always", "today moves by itself"),
        ("value: a, when: sometimes", "'create' or 'always'"),
        ("expression: referral.nobody", "referral.nobody is unknown; known are "),
        ("expression: nobody", "nobody is unknown"),
        ("expression: contact.last_name.x", "a dot follows"),
    ],
)
def test_row_which_contradicts_itself_is_refused_with_its_line(tmp_path: Path, keys: str, problem: str) -> None:
    (tmp_path / "opportunity.yaml").write_text(f"# ours\nfill:\n  - {{dataverse: new_x, {keys}}}\n")
    with pytest.raises(MappingInvalid) as error:
        load_mappings(tmp_path)
    assert error.value.message.startswith(f"{tmp_path}/opportunity.yaml, line 3, fill → ")
    assert problem in error.value.message


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("opportunity", "fill: [{dataverse: description, value: a}]", "description is written by the sync already"),
        ("opportunity", "fill: [{dataverse: cosell_audit, value: a}]", "cosell_audit is written by the sync already"),
        ("account", "fill: [{dataverse: new_x, value: a, when: always}]", "always is for opportunity.yaml"),
        ("lead", "fill: [{dataverse: new_x, value: a, when: always}]", "always is for opportunity.yaml"),
        ("contact", "fields: [{field: title, lookup: new_code}]", "lookup is for account.yaml"),
        ("opportunity", "fields: [{field: notes, values: {A: B}}]", "values is for the kind text"),
        ("opportunity", "fields: [{field: crm_id, default: a}]", "an id has no default"),
        ("opportunity", "fields: [{field: deal_value, default: 1000}]", "an amount and its currency"),
        ("opportunity", "fields: [{field: closing_date, default: soon}]", "this is no day"),
        (
            "opportunity",
            "fields: [{field: sales_stage, default: Qualify}]",
            "no code that is written; known are 20, 40",
        ),
        ("opportunity", "fields: [{field: notes, condition: nobody}]", "nobody is unknown"),
    ],
)
def test_row_which_cannot_work_is_refused(tmp_path: Path, file: str, text: str, problem: str) -> None:
    (tmp_path / f"{file}.yaml").write_text(text)
    with pytest.raises(MappingInvalid, match="line 1") as error:
        load_mappings(tmp_path)
    assert problem in error.value.message


def test_expression_is_tried_on_a_record_that_says_everything_and_on_one_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "opportunity.yaml").write_text(
        "fill:\n"
        "  - {dataverse: new_a, kind: money, expression: referral.deal_value * 2}\n"
        "  - {dataverse: new_b, kind: money, expression: referral.name}\n"
        "  - {dataverse: new_c, kind: money, expression: (referral.deal_value | default(0)) * 2}\n"
        "  - {dataverse: new_d, expression: contact.email ~ referral.status}\n"
    )
    found = {item.row: (item.is_certain, item.problem) for item in try_expressions(load_mappings(tmp_path))}
    assert found == {
        "new_a": (False, "where the record says nothing, it takes no number from what is no number, or from nothing"),
        "new_b": (True, "this is no number"),
    }
