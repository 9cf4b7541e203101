"""Whatever is wrong in a mapping file is told with file and line, all of it at once."""

from pathlib import Path

import pytest

from cosell.errors import MappingInvalid
from cosell.mapping.documents import LARGEST_BYTES, parse
from cosell.mapping.loader import FILES, load_mappings


def write(directory: Path, name: str, text: str) -> Path:
    (directory / name).write_text(text, "utf-8")
    return directory


def refusal(directory: Path) -> list[str]:
    with pytest.raises(MappingInvalid) as error:
        load_mappings(directory)
    return [line.removeprefix(f"{directory}/") for line in error.value.message.splitlines()]


def test_each_problem_is_told_with_the_line_of_its_key(tmp_path: Path) -> None:
    write(
        tmp_path,
        "opportunity.yaml",
        "# Ours.\ncolumns:\n  audit: new_audit\n  audit_text: x\n\nfields:\n  - field: notes\n    owner: crm\n"
        "  - {field: campaign,\n     length: 0}\n",
    )
    write(tmp_path, "account.yaml", "match: [name]\n\nmatching: [name]\n")
    told = refusal(tmp_path)
    assert [line.split(":")[0] for line in told] == [
        "opportunity.yaml, line 8, fields → notes → owner",
        "opportunity.yaml, line 10, fields → campaign → length",
        "opportunity.yaml, line 4, columns → audit_text",
        "account.yaml, line 3, matching",
    ]


def test_files_which_cannot_be_read_are_told_together(tmp_path: Path) -> None:
    write(tmp_path, "opportunity.yaml", "columns:\n  name: [\n")
    (tmp_path / "lead.yaml").write_bytes(b"table: lead\nset: \xff\n")
    write(tmp_path, "nothing.yaml", "a: 1")
    write(tmp_path, "account.yaml", "- a\n")
    assert [line.partition(":")[0] for line in refusal(tmp_path)] == [
        "account.yaml, line 1",
        "lead.yaml, line 2",
        f"nothing.yaml is no mapping file; known are {', '.join(f'{name}.yaml' for name in FILES)}.",
        "opportunity.yaml, line 3",
    ]


def test_new_row_which_is_not_complete_names_each_key_that_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "opportunity.yaml", "fields:\n\n  - {field: favourite, kind: flag}\n")
    told = refusal(tmp_path)
    assert told[0] == "opportunity.yaml, line 3, fields → favourite → partner_center: this key is missing."
    assert len(told) == 5


def test_shipped_row_which_an_overlay_only_touches_keeps_its_own_place(tmp_path: Path) -> None:
    """A choice table that is gone is missed by a row which ships; the row's own file is named."""
    write(tmp_path, "opportunity.yaml", "fields:\n  - {field: help, choices: helps}\n")
    (told,) = refusal(tmp_path)
    assert told.startswith("opportunity.yaml, line 2, fields → help → choices: the field help names helps")


def test_rules_over_several_rows_point_at_the_second_one(tmp_path: Path) -> None:
    write(
        tmp_path,
        "opportunity.yaml",
        "fields:\n  - {field: extra, kind: text, partner_center: /x, dataverse: description,\n"
        "     direction: to_dataverse, owner: partner_center, frozen: never}\n",
    )
    (told,) = refusal(tmp_path)
    assert told == (
        "opportunity.yaml, line 2, fields → extra: dataverse (written by two rows) stands there twice: description."
    )


def test_row_which_stands_twice_in_one_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "opportunity.yaml", "fields:\n  - {field: notes, length: 9}\n  - {field: notes, length: 8}\n")
    assert refusal(tmp_path) == ["opportunity.yaml, line 3: a row for the field notes stands there twice."]


@pytest.mark.parametrize(
    "text",
    [
        "columns: &c {audit: a}\nfields: []\nmatch: *c\n",
        "columns: &loop\n  name: *loop\n",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "columns:\n  <<: {audit: a}\n",
        "? [a, b]\n: c\n",
    ],
)
def test_what_repeats_itself_or_holds_itself_is_refused_by_its_line(tmp_path: Path, text: str) -> None:
    assert all(
        line.startswith("opportunity.yaml, line ") for line in refusal(write(tmp_path, "opportunity.yaml", text))
    )


def test_file_which_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "choices.yaml").write_bytes(b"#" * (LARGEST_BYTES + 1))
    assert refusal(tmp_path) == ["choices.yaml is larger than 1 MB; that is no mapping file."]


def test_file_which_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    (told,) = refusal(write(tmp_path, "choices.yaml", "a: " + "[" * 20_000))
    assert told == "choices.yaml: it is nested too deep for a mapping file."


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "lead.yaml", "")
    assert "another file for lead" in refusal(write(tmp_path, "lead.yml", ""))[0]


@pytest.mark.parametrize("text", ["a: 2020-13-45", "a: !!int x", "a: b\x00", "a: @b", "a: b: c"])
def test_value_which_yaml_cannot_make_is_told_with_its_line(text: str) -> None:
    with pytest.raises(MappingInvalid) as error:
        parse("a.yaml", text)
    assert error.value.message.startswith("a.yaml, line 1: ")
