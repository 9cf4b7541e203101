from pathlib import Path

import pytest

from cosell.domain.ids import Side
from cosell.domain.stages import OpportunityStage
from cosell.errors import MappingInvalid
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import Direction, FieldRow, LeadMapping, OpportunityMapping, StatusRow
from cosell.mapping.variables import Variables


def overlay(directory: Path, text: str, *, name: str = "opportunity.yaml") -> Path:
    (directory / name).write_text(text, "utf-8")
    return directory


def row_of(field: str, directory: Path) -> FieldRow:
    return next(row for row in load_mappings(directory).opportunity.fields if row.field == field)


def statuses(directory: Path) -> list[tuple[str, int, int | None]]:
    rows = load_mappings(directory).statuses.opportunity
    return [(row.stage.value, row.state, row.status_reason) for row in rows]


def refusal(directory: Path) -> str:
    with pytest.raises(MappingInvalid) as error:
        load_mappings(directory)
    return error.value.message


def test_shipped_mappings_load_and_cover_what_the_connector_shares() -> None:
    names = {row.field for row in load_mappings().opportunity.fields}
    assert names >= {"name", "deal_value", "closing_date", "notes", "crm_id", "referral_id", "microsoft_crm_id"}


def test_shipped_statuses_cover_each_stage() -> None:
    stages = {row.stage for row in load_mappings().statuses.opportunity}
    assert stages == set(OpportunityStage) - {OpportunityStage.UNKNOWN}


def test_empty_overlay_changes_nothing(tmp_path: Path) -> None:
    assert load_mappings(tmp_path) == load_mappings()


@pytest.mark.parametrize("text", ["", "# columns:\n#   name: new_name\n", "{}", "fields: []"])
def test_overlay_which_says_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load_mappings(overlay(tmp_path, text)) == load_mappings()


def test_overlay_changes_one_key_of_one_row(tmp_path: Path) -> None:
    shipped = row_of("notes", tmp_path)
    changed = row_of("notes", overlay(tmp_path, "fields:\n  - {field: notes, dataverse: new_notes, length: 4000}\n"))
    assert changed == shipped.model_copy(update={"dataverse": "new_notes", "length": 4000})


def test_overlay_adds_a_row_at_the_end(tmp_path: Path) -> None:
    overlay(
        tmp_path,
        "fields:\n"
        "  - {field: favourite, kind: flag, partner_center: /favorite, dataverse: new_favourite,\n"
        "     direction: to_partner_center, owner: dataverse, frozen: terminal}\n",
    )
    rows = load_mappings(tmp_path).opportunity.fields
    assert rows[:-1] == load_mappings().opportunity.fields
    assert rows[-1].field == "favourite"
    assert rows[-1].direction is Direction.TO_PARTNER_CENTER


def test_overlay_merges_tables_key_by_key(tmp_path: Path) -> None:
    columns = load_mappings(overlay(tmp_path, "columns: {audit: new_audit}")).opportunity.columns
    assert columns.audit == "new_audit"
    assert columns.referral_id == "cosell_referralid"


def test_overlay_replaces_a_list_of_plain_words(tmp_path: Path) -> None:
    assert load_mappings(overlay(tmp_path, "match: [name]", name="account.yaml")).account.match == ("name",)


def test_overlay_may_be_called_yml(tmp_path: Path) -> None:
    assert row_of("notes", overlay(tmp_path, "fields: [{field: notes, length: 9}]", name="opportunity.yml")).length == 9


def test_choices_take_labels_of_the_users_own(tmp_path: Path) -> None:
    choices = load_mappings(
        overlay(tmp_path, "help: {Machbarkeitsnachweis: ProofOfConceptOrDemo}", name="choices.yaml")
    ).choices
    assert choices["help"]["Machbarkeitsnachweis"] == ("ProofOfConceptOrDemo",)
    assert choices["help"]["Quotes or licensing"] == ("QuotesOrLicensing",)


def test_users_status_rows_go_first_so_they_are_what_is_written(tmp_path: Path) -> None:
    shipped = statuses(tmp_path)
    text = "opportunity:\n  - {stage: lost, state: 2, status_reason: 100000001}\n"
    assert statuses(overlay(tmp_path, text, name="statuses.yaml")) == [("lost", 2, 100000001), *shipped]


def test_users_status_row_which_repeats_a_shipped_one_moves_it_to_the_front(tmp_path: Path) -> None:
    overlay(tmp_path, "opportunity:\n  - {stage: lost, state: 2, status_reason: 5}\n", name="statuses.yaml")
    assert [row for row in statuses(tmp_path) if row[0] == "lost"] == [("lost", 2, 5), ("lost", 2, 4)]


def test_users_status_row_takes_over_the_pair_it_names(tmp_path: Path) -> None:
    """Else an invitation is written as On Hold, read back as open, and so accepted by nobody."""
    overlay(
        tmp_path,
        "opportunity:\n  - {stage: open, state: 0, status_reason: 2}\n"
        "  - {stage: on_hold, state: 0, status_reason: 100000001}\n",
        name="statuses.yaml",
    )
    found = statuses(tmp_path)
    assert ("on_hold", 0, 2) not in found
    assert found[:2] == [("open", 0, 2), ("on_hold", 0, 100000001)]


def test_stage_without_any_row_is_refused(tmp_path: Path) -> None:
    overlay(tmp_path, "opportunity:\n  - {stage: open, state: 0, status_reason: 2}\n", name="statuses.yaml")
    assert refusal(tmp_path) == f"{tmp_path}/statuses.yaml, line 1, opportunity: no row has the stage on_hold."


def test_stage_in_the_wrong_state_is_refused(tmp_path: Path) -> None:
    overlay(tmp_path, "opportunity:\n  - {stage: won, state: 0, status_reason: 7}\n", name="statuses.yaml")
    assert "rows of the stage won have the state 1" in refusal(tmp_path)


def test_pair_which_means_two_stages_is_refused(tmp_path: Path) -> None:
    overlay(
        tmp_path,
        "opportunity:\n  - {stage: open, state: 0, status_reason: 7}\n"
        "  - {stage: on_hold, state: 0, status_reason: 7}\n",
        name="statuses.yaml",
    )
    assert "stands there twice: 0/7" in refusal(tmp_path)


def test_unknown_key_is_refused_with_file_and_place(tmp_path: Path) -> None:
    text = refusal(overlay(tmp_path, "columns: {audit_text: new_audit}"))
    assert text == f"{tmp_path}/opportunity.yaml, line 1, columns → audit_text: there is no such key."


def test_wrong_word_is_refused_with_the_words_there_are(tmp_path: Path) -> None:
    text = refusal(overlay(tmp_path, "fields: [{field: notes, owner: crm}]"))
    assert text.startswith(f"{tmp_path}/opportunity.yaml, line 1, fields → notes → owner:")
    assert "'partner_center' or 'dataverse'" in text


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    overlay(tmp_path, "fields: [{field: notes, owner: crm, length: 0}]")
    overlay(tmp_path, "matching: [name]", name="account.yaml")
    assert len(refusal(tmp_path).splitlines()) == 3


def test_broken_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    text = refusal(overlay(tmp_path, "columns:\n  name: new_name\n  audit: [\n"))
    assert text.startswith(f"{tmp_path}/opportunity.yaml, line 4: this is not YAML (")


def test_key_which_stands_there_twice_is_refused(tmp_path: Path) -> None:
    text = refusal(overlay(tmp_path, "columns: {audit: a}\nfields: []\ncolumns: {name: b}\n"))
    assert text == f"{tmp_path}/opportunity.yaml, line 3: columns stands there twice."


def test_yaml_which_makes_objects_is_refused(tmp_path: Path) -> None:
    assert "line 1: tag:yaml.org,2002:python/object/apply:os.getcwd is no plain value" in refusal(
        overlay(tmp_path, "columns: !!python/object/apply:os.getcwd []")
    )


def test_unknown_file_is_refused_with_the_files_there_are(tmp_path: Path) -> None:
    text = refusal(overlay(tmp_path, "x: 1", name="oportunity.yaml"))
    assert "oportunity.yaml is no mapping file" in text
    assert "opportunity.yaml, lead.yaml, account.yaml" in text


def test_hidden_files_and_others_are_not_looked_at(tmp_path: Path) -> None:
    overlay(tmp_path, "x: 1", name=".opportunity.yaml")
    overlay(tmp_path, "x: 1", name="notes.txt")
    assert load_mappings(tmp_path) == load_mappings()


def test_list_in_place_of_a_table_is_refused(tmp_path: Path) -> None:
    assert refusal(overlay(tmp_path, "- name\n")).endswith("a mapping file is a table of keys.")


def test_file_which_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "opportunity.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as UTF-8 text" in refusal(tmp_path)


def test_overlay_which_is_no_directory_is_refused_by_the_settings_name(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone").startswith("COSELL_MAPPINGS_DIR names ")


def test_two_rows_which_write_the_same_column_are_refused(tmp_path: Path) -> None:
    overlay(
        tmp_path,
        "fields:\n  - {field: campaign, kind: text, partner_center: /campaignId, dataverse: description,\n"
        "     direction: to_dataverse, owner: partner_center, frozen: never}\n",
    )
    assert "dataverse (written by two rows) stands there twice: description" in refusal(tmp_path)


def test_one_column_may_feed_two_places(tmp_path: Path) -> None:
    overlay(
        tmp_path,
        "fields:\n  - {field: campaign, kind: text, partner_center: /campaignId, dataverse: description,\n"
        "     direction: to_partner_center, owner: dataverse, frozen: terminal}\n",
    )
    assert row_of("campaign", tmp_path).direction.allows(Side.PARTNER_CENTER)


def test_two_rows_of_one_name_are_refused() -> None:
    shipped = load_mappings().opportunity.model_dump()
    with pytest.raises(ValueError, match="field stands there twice: name"):
        OpportunityMapping.model_validate(shipped | {"fields": [shipped["fields"][0]] * 2})


def test_computed_value_cannot_be_sent(tmp_path: Path) -> None:
    overlay(tmp_path, "fields: [{field: referral_link, direction: both}]")
    assert "referral_link is computed, so its direction is to_dataverse" in refusal(tmp_path)


@pytest.mark.parametrize("column", ["$dealvalue", "Estimated Value", "EstimatedValue", "1value", "name;drop"])
def test_what_is_no_column_is_refused(tmp_path: Path, column: str) -> None:
    assert "fields → deal_value → dataverse" in refusal(
        overlay(tmp_path, f"fields: [{{field: deal_value, dataverse: '{column}'}}]")
    )


@pytest.mark.parametrize("pointer", ["$link", "details/notes", "/", "/details//notes"])
def test_what_is_no_pointer_is_refused(tmp_path: Path, pointer: str) -> None:
    assert "fields → notes → partner_center" in refusal(
        overlay(tmp_path, f"fields: [{{field: notes, partner_center: '{pointer}'}}]")
    )


def test_variables_fill_in_the_columns_which_a_setting_names() -> None:
    mappings = Variables(deal_value_field="new_value", country_code_field="new_iso").fill_in(load_mappings())
    assert [row.dataverse for row in mappings.opportunity.fields if row.field == "deal_value"] == ["new_value"]
    assert [row.dataverse for row in mappings.account.fields if row.field == "country"] == ["new_iso"]


def test_variables_of_the_original_are_the_defaults() -> None:
    mappings = Variables().fill_in(load_mappings())
    assert [row.dataverse for row in mappings.opportunity.fields if row.field == "deal_value"] == ["estimatedvalue"]
    assert [row.dataverse for row in mappings.account.fields if row.field == "country"] == ["address1_country"]
    assert not any(row.dataverse.startswith("$") for row in mappings.opportunity.fields)


def test_lead_without_a_row_for_a_stage_is_refused() -> None:
    shipped = load_mappings().lead.model_dump()
    statuses = [row for row in shipped["statuses"] if row["stage"] != "qualified"]
    with pytest.raises(ValueError, match="no row has the stage qualified"):
        LeadMapping.model_validate(shipped | {"statuses": statuses})


def test_lead_which_is_qualified_while_open_is_refused() -> None:
    shipped = load_mappings().lead.model_dump()
    statuses = [*shipped["statuses"], {"stage": "qualified", "state": 0, "status_reason": 9}]
    with pytest.raises(ValueError, match="rows of the stage qualified have the state 1"):
        LeadMapping.model_validate(shipped | {"statuses": statuses})


def test_field_which_a_lead_has_is_one_of_the_opportunity_it_becomes() -> None:
    mappings = load_mappings()
    of_opportunity = {row.field: (row.kind, row.partner_center) for row in mappings.opportunity.fields}
    assert {row.field: (row.kind, row.partner_center) for row in mappings.lead.fields}.items() <= of_opportunity.items()


def test_direction_tells_where_a_field_may_be_written() -> None:
    assert all(Direction.BOTH.allows(side) for side in Side)
    assert Direction.TO_DATAVERSE.allows(Side.DATAVERSE)
    assert not Direction.TO_DATAVERSE.allows(Side.PARTNER_CENTER)
    assert Direction.TO_PARTNER_CENTER.allows(Side.PARTNER_CENTER)
    assert not Direction.TO_PARTNER_CENTER.allows(Side.DATAVERSE)


def test_rows_cannot_be_changed_after_loading() -> None:
    row = StatusRow(stage=OpportunityStage.OPEN, state=0, status_reason=1)
    with pytest.raises(ValueError, match="frozen"):
        row.state = 1  # type: ignore[misc]
