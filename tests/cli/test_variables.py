"""`cosell status` and `cosell doctor` say what each variable is, and where that stands."""

import json

import pytest

from tests.cli.desk import Desk, Document

VALUE = "cosell_deal_value_field_name"
ADMIN = "admin@contoso-partner.example"


def _define(desk: Desk, name: str, *, default: str, current: str) -> None:
    """Make an environment variable in the CRM and give it a current value, as an administrator."""
    told = desk.emulators.control("POST", "tokens", {"user": ADMIN})
    assert isinstance(told, dict)
    headers = {"Authorization": f"Bearer {told['access_token']}", "Prefer": "return=representation"}

    def write(set_: str, body: Document) -> Document:
        answer = desk.http.post(f"/api/data/v9.2/{set_}", json=body, headers=headers)
        assert answer.is_success, answer.text
        made: Document = answer.json()
        return made

    made = write("environmentvariabledefinitions", {"schemaname": name, "type": 100000000, "defaultvalue": default})
    bind = f"/environmentvariabledefinitions({made['environmentvariabledefinitionid']})"
    write("environmentvariablevalues", {"value": current, "EnvironmentVariableDefinitionId@odata.bind": bind})


def test_without_prefect_all_have_their_defaults(desk: Desk) -> None:
    told = desk.read_json("status")

    assert told["variables_trouble"] is None
    assert {row["origin"] for row in told["variables"]} == {"default"}
    assert f"{VALUE} " in desk.read("status")


def test_variables_of_the_crm_are_shown_with_their_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_VARIABLES_FROM", "dataverse")
    _define(desk, "cosell_DealValueField", default="estimatedvalue", current="acme_value")
    row = next(row for row in desk.read_json("status")["variables"] if row["variable"] == VALUE)
    shown = next(line for line in desk.read("status").splitlines() if VALUE in line)

    assert row == {
        "variable": VALUE,
        "value": "acme_value",
        "default": "estimatedvalue",
        "origin": "CRM current value",
        "place": "cosell_DealValueField",
        "problem": "",
    }
    assert shown.endswith("acme_value (CRM current value of cosell_DealValueField; default estimatedvalue)")


def test_wrong_value_is_named_by_both_commands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_VARIABLES_FROM", "dataverse")
    _define(desk, "msft_displaycheckmarkinname", default="yes", current="sometimes")
    checks = {item["check"]: item for item in json.loads(desk.type("doctor", "--json").output)["checks"]}

    problem = "(CRM current value of msft_displaycheckmarkinname) has to be yes or no"
    assert (checks["variables"]["verdict"], problem in checks["variables"]["told"]) == ("failed", True)
    assert "✖ has to be yes or no (CRM current value of msft_displaycheckmarkinname)" in desk.read("status")


def test_crm_which_does_not_answer_leaves_the_rest_of_the_status(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_VARIABLES_FROM", "dataverse")
    monkeypatch.setenv("COSELL_DATAVERSE__CLIENT_SECRET", "wrong")
    told = desk.read_json("status")

    assert len(told["flows"]) == 9
    assert "COSELL_DATAVERSE__CLIENT_SECRET" in told["variables_trouble"]


def test_test_mode_is_said_loudly_by_both_commands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (desk.read_json("status")["test_mode"], "TEST MODE" in desk.read("status")) == (False, False)
    monkeypatch.setenv("COSELL_TEST_MODE", "true")
    checks = {item["check"]: item for item in json.loads(desk.type("doctor", "--json").output)["checks"]}

    assert desk.read("status").startswith("! TEST MODE: what is created carries [TEST] before its name")
    assert desk.read_json("status")["test_mode"] is True
    assert checks["test mode"]["verdict"] == "warning"
