"""The connector's columns in place of ours, its variables in our spelling, and the key which then has to be there."""

import pytest

from cosell.errors import SchemaMissing
from cosell.mapping.connector import FIELD_COLUMNS, OWN_COLUMNS, connector_mappings, offer_variables, overlay_of
from cosell.mapping.crm import wanted_schema
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import Variables

MAPPINGS = Variables().fill_in(load_mappings())
PRESENT = {
    *OWN_COLUMNS.values(),
    *FIELD_COLUMNS.values(),
    *(row.dataverse for row in MAPPINGS.opportunity.fields if not row.dataverse.startswith("cosell_")),
}


def test_columns_of_the_connector_take_the_place_of_ours() -> None:
    own = connector_mappings(MAPPINGS, PRESENT).opportunity

    assert {row.field: row.dataverse for row in own.fields if row.field in FIELD_COLUMNS} == dict(FIELD_COLUMNS)
    assert own.columns.audit == OWN_COLUMNS["audit"]
    assert "campaign" not in {row.field for row in own.fields}, "it has no column for that"


def test_older_edition_lacks_a_column_and_the_field_is_left_out() -> None:
    own = connector_mappings(MAPPINGS, PRESENT - {"msft_customerpurchaseintent"}).opportunity

    assert "purchase_intent" not in {row.field for row in own.fields}


def test_crm_without_the_connector_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(SchemaMissing, match="msft_microsoftpartnercenterreferralsync"):
        connector_mappings(MAPPINGS, {"name"})


def test_overlay_says_only_what_differs_and_shortens_what_their_columns_cannot_hold() -> None:
    theirs = connector_mappings(MAPPINGS, PRESENT)

    files = overlay_of(theirs, None, MAPPINGS, {"msft_microsoftpartnercenterreferralprogram": 100})

    assert set(files) == {"opportunity"}
    fields = files["opportunity"]["fields"]
    assert isinstance(fields, list)
    assert {item["field"] for item in fields} == set(FIELD_COLUMNS)
    assert [item.get("length") for item in fields if item["field"] == "referral_program"] == [100]


def test_variables_are_offered_in_our_spelling_and_what_ours_cannot_take_is_said() -> None:
    theirs = {
        "msft_displaycheckmarkinname": "no",
        "msft_dealvaluefield": "Estimated Revenue",
        "msft_synccosellopportunitiesonly": "No",
    }

    offered = {item.schema_name: item for item in offer_variables(theirs, Variables())}

    assert offered["msft_displaycheckmarkinname"].differs
    assert offered["msft_displaycheckmarkinname"].value == "No"
    assert not offered["msft_dealvaluefield"].differs
    assert "logical name of a column" in offered["msft_dealvaluefield"].problem
    assert not offered["msft_synccosellopportunitiesonly"].differs


def test_key_lies_over_the_column_which_the_mapping_names() -> None:
    ours = {key.column: key.schema_name for key in wanted_schema(MAPPINGS).keys}
    theirs = {key.column: key.schema_name for key in wanted_schema(connector_mappings(MAPPINGS, PRESENT)).keys}

    assert ours["cosell_referralid"] == "cosell_LeadReferralKey"
    named = theirs["msft_microsoftpartnercenterreferralidentifier"]
    assert named.startswith("cosell_ReferralKeyOver_")
