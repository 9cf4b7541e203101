"""`cosell crm`: a CRM that nobody prepared, before and after, as a person at a terminal sees it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk, Document
from tests.cli.terminal import cosell
from tests.emulator_process import Emulators, running_emulators

RECEIVER = "http://127.0.0.1:8480"
SECRET = "made-up-wake-up-secret"


@pytest.fixture(scope="session")
def bare_emulators() -> Iterator[Emulators]:
    with running_emulators("--bare") as emulators:
        yield emulators


@pytest.fixture
def bare(bare_emulators: Emulators, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    """Sit down before a CRM without our columns."""
    bare_emulators.reset()
    for name, value in bare_emulators.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COSELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_API_URL", "")
    monkeypatch.delenv("PREFECT_API_URL")
    with Desk.opened(bare_emulators) as made:
        yield made


def as_admin(desk: Desk, method: str, path: str, body: Document | None = None) -> Document:
    """Do something in the CRM as its administrator."""
    told = desk.emulators.control("POST", "tokens", {"user": "admin@contoso-partner.example"})
    assert isinstance(told, dict)
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    answer = desk.http.request(method, f"/api/data/v9.2/{path}", json=body, headers=headers)
    assert answer.is_success, answer.text
    document: Document = answer.json() if answer.content else {}
    return document


def failed(desk: Desk) -> dict[str, str]:
    """Return what `cosell crm check` finds wrong, with what to do."""
    checks = json.loads(desk.type("crm", "check", "--json").output)["checks"]
    return {check["check"]: check["todo"] for check in checks if check["verdict"] == "failed"}


def test_bare_crm_is_told_then_prepared_then_fine(bare: Desk) -> None:
    before = bare.type("crm", "check")
    assert before.exit_code == 1
    assert "✖ column opportunity.cosell_help" in before.output
    assert "✖ table cosell_microsoftsolution " in before.output
    assert "cosell crm install" in failed(bare)["column opportunity.cosell_referralid"]

    shown = bare.read("crm", "install")

    assert "✔ column opportunity.cosell_help: made." in shown
    assert "What is left to an administrator of the CRM:" in shown
    assert "  1. The form of the opportunity" in shown
    after = bare.read("crm", "check")
    assert "✖" not in after
    assert "Solution cosellsync 1.0.0.0, unmanaged." in after
    opportunity = bare.write_opportunity(cosell_campaignid="spring")
    assert bare.opportunity(opportunity)["cosell_campaignid"] == "spring"


def test_second_run_writes_nothing_and_says_so(bare: Desk) -> None:
    bare.read("crm", "install")
    bare.forget_calls()

    shown = bare.read("crm", "install")

    assert "Nothing was written: all " in shown
    assert bare.count_writes() == 0


def test_dry_run_and_check_write_nothing(bare: Desk) -> None:
    bare.forget_calls()

    shown = bare.read("crm", "install", "--dry-run")
    bare.type("crm", "check")

    assert "+ table cosell_microsoftsolution: would be made." in shown
    assert "Nothing was written." in shown
    assert bare.count_writes() == 0


def test_scripts_read_what_was_made(bare: Desk) -> None:
    first = bare.read_json("crm", "install")
    second = bare.read_json("crm", "install")

    assert first["is_complete"]
    assert first["written"] == sum(part["result"] in {"made", "changed"} for part in first["parts"]) > 40
    assert second["written"] == 0
    assert {part["result"] for part in second["parts"]} == {"was there"}
    assert len(first["by_hand"]) >= 5
    assert not bare.read_json("crm", "install", "--dry-run")["written"]


def test_doctor_finds_nothing_wrong_with_the_crm_afterwards(bare: Desk) -> None:
    bare.read("crm", "install")

    checks = {check["check"]: check for check in json.loads(bare.type("doctor", "--json").output)["checks"]}

    assert [checks[name]["verdict"] for name in ("CRM columns", "change tracking", "alternate key")] == ["fine"] * 3


def test_wake_up_is_set_up_shown_and_taken_away(bare: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_RECEIVER__DATAVERSE_SECRET", SECRET)

    shown = bare.read("crm", "install", "--wake-up", RECEIVER)
    checked = bare.read("crm", "check")
    again = bare.read("crm", "install", "--wake-up", RECEIVER)

    assert "✔ wake-up opportunity Update: made." in shown
    assert f"The CRM calls {RECEIVER}/webhooks/dataverse." in checked
    assert "Nothing was written" in again
    assert SECRET not in shown + checked + again
    assert "✔ wake-up opportunity Update: removed." in bare.read("crm", "install", "--no-wake-up")
    assert "None: changes are found by polling." in bare.read("crm", "check")


def test_wake_up_without_its_secret_is_wrong_usage(bare: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COSELL_RECEIVER__DATAVERSE_SECRET", raising=False)
    bare.forget_calls()

    said = cosell("crm", "install", "--wake-up", RECEIVER)

    assert (said.code, said.has_traceback) == (2, False)
    assert "COSELL_RECEIVER__DATAVERSE_SECRET is missing" in said.err
    assert cosell("crm", "install", "--wake-up", RECEIVER, "--no-wake-up").code == 2
    assert bare.count_writes() == 0


def test_column_in_the_way_fails_the_command_and_is_named(bare: Desk) -> None:
    bare.read("crm", "install")
    as_admin(bare, "DELETE", "EntityDefinitions(LogicalName='opportunity')/Attributes(LogicalName='cosell_campaignid')")
    body = {
        "@odata.type": "Microsoft.Dynamics.CRM.MemoAttributeMetadata",
        "SchemaName": "cosell_CampaignId",
        "MaxLength": 2000,
    }
    as_admin(bare, "POST", "EntityDefinitions(LogicalName='opportunity')/Attributes", body)

    result = bare.type("crm", "install")

    assert result.exit_code == 1
    assert "✖ column opportunity.cosell_campaignid: in the way." in result.output
    assert "wanted StringType" in result.output
    assert "wanted" not in str(failed(bare)), "a memo can hold a text: the mapping is content with it"


def test_key_which_is_gone_and_option_which_is_missing_are_told(bare: Desk) -> None:
    bare.read("crm", "install")
    as_admin(bare, "DELETE", "EntityDefinitions(LogicalName='opportunity')/Keys(LogicalName='cosell_referralkey')")
    option = {"EntityLogicalName": "opportunity", "AttributeLogicalName": "cosell_help", "Value": 273100005}
    as_admin(bare, "POST", "DeleteOptionValue", option)

    wrong = failed(bare)

    assert set(wrong) == {"key opportunity.cosell_referralid", "column opportunity.cosell_help"}
    assert "choices.yaml" in wrong["column opportunity.cosell_help"]


def test_value_in_the_crm_which_prefect_does_not_know_of_is_a_warning(bare: Desk) -> None:
    bare.read("crm", "install")
    rows = as_admin(bare, "GET", "environmentvariabledefinitions?$filter=schemaname eq 'cosell_DealValueField'")
    definition = rows["value"][0]["environmentvariabledefinitionid"]
    bind = {"EnvironmentVariableDefinitionId@odata.bind": f"/environmentvariabledefinitions({definition})"}
    as_admin(bare, "POST", "environmentvariablevalues", {"value": "budgetamount"} | bind)

    shown = bare.read("crm", "check")

    assert "! environment variables" in shown
    assert "cosell_DealValueField: the CRM has another value than Prefect" in shown


def test_lost_privileges_are_told_with_the_role_that_has_them(bare: Desk) -> None:
    bare.read("crm", "install")
    me = as_admin(bare, "GET", "systemusers?$filter=applicationid ne null&$select=fullname")["value"][0]["systemuserid"]
    roles = as_admin(bare, "GET", "roles?$select=name")["value"]
    ids = {row["name"]: row["roleid"] for row in roles}
    where = f"systemusers({me})/systemuserroles_association"
    as_admin(
        bare, "POST", f"{where}/$ref", {"@odata.id": f"{bare.http.base_url}/api/data/v9.2/roles({ids['Read Only']})"}
    )
    as_admin(bare, "DELETE", f"{where}({ids['System Administrator']})/$ref")

    assert "Co-sell Sync Runtime" in failed(bare)["privileges"]
    said = bare.type("crm", "check").output
    assert "prvWriteOpportunity" in said or "more" in said


def test_credentials_which_are_refused_end_the_command_in_a_sentence(
    bare: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSELL_DATAVERSE__CLIENT_SECRET", "wrong")

    said = cosell("crm", "install")

    assert (said.code, said.has_traceback) == (2, False)
    assert "COSELL_DATAVERSE__CLIENT_SECRET" in said.err
    assert bare.type("crm", "check").exit_code == 1
