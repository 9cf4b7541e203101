"""`cosell mapping`: the mapping held against the CRM, tried on one record, and compared with what ships."""

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desk import Desk, Document
from tests.cli.terminal import cosell

REQUESTS_AT_MOST = 25
SECONDS_AT_MOST = 5


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the overlay directory which the settings name."""
    directory = tmp_path / "mappings"
    directory.mkdir()
    monkeypatch.setenv("COSELL_MAPPINGS_DIR", str(directory))
    return directory


def count_calls(desk: Desk) -> dict[str, int]:
    told = desk.emulators.control("GET", "requests")
    assert isinstance(told, dict)
    return {route: count for route, count in told["counts"].items() if "/api/data" in route or "referrals" in route}


def checks(desk: Desk) -> dict[str, dict[str, str]]:
    """Return what `cosell mapping check` finds, by what it is about."""
    told: Document = json.loads(desk.type("mapping", "check", "--json").output)
    return {item["check"]: item for item in told["checks"]}


def test_mapping_that_ships_fits_the_crm_in_few_calls(desk: Desk) -> None:
    desk.read("mapping", "check")
    desk.forget_calls()
    began = time.monotonic()

    shown = desk.read("mapping", "check")

    assert time.monotonic() - began < SECONDS_AT_MOST
    assert "✔ table opportunity" in shown
    assert "✖" not in shown
    calls = count_calls(desk)
    assert 0 < sum(calls.values()) <= REQUESTS_AT_MOST
    assert {route.split()[0] for route in calls} == {"GET"}


def test_column_that_does_not_exist_or_fit_is_told_with_the_way_out(desk: Desk, own: Path) -> None:
    (own / "opportunity.yaml").write_text(
        "fields:\n"
        "  - {field: campaign, dataverse: new_campaign}\n"
        "  - {field: notes, dataverse: actualclosedate}\n"
        "  - {field: name, length: 4000}\n"
    )
    (own / "choices.yaml").write_text("help: {Made up: GeneralOrOther}\n")
    (own / "statuses.yaml").write_text("opportunity: [{stage: won, state: 1, label: Made up, }]\n")

    found = checks(desk)

    wrong = {name: item["told"] for name, item in found.items() if item["verdict"] == "failed"}
    assert wrong == {
        "column opportunity.new_campaign": "It is missing.",
        "column opportunity.actualclosedate": "It is DateTimeType, wanted MemoType or StringType.",
        "column opportunity.name": "It takes 300 characters, wanted 4000.",
        "column opportunity.cosell_help": 'It has no option "Made up".',
        "table opportunity": "It has no status reason “Made up” in state 1, which statuses.yaml names for won.",
    }
    assert "choices.yaml" in found["column opportunity.cosell_help"]["todo"]
    assert desk.type("mapping", "check").exit_code == 1


def test_column_in_which_the_crm_wants_a_value_but_nothing_fills_is_a_warning(desk: Desk) -> None:
    text = {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": "new_Region",
        "MaxLength": 50,
    }
    as_admin(
        desk,
        "POST",
        "EntityDefinitions(LogicalName='opportunity')/Attributes",
        {**text, "RequiredLevel": {"Value": "ApplicationRequired"}},
    )

    found = checks(desk)["column opportunity.new_region"]

    assert found["verdict"] == "warning"
    assert found["told"] == "Its forms want a value (StringType), and the mapping gives none when a row is made."
    assert desk.type("mapping", "check").exit_code == 0


def as_admin(desk: Desk, method: str, path: str, body: Document) -> None:
    """Do something in the CRM as its administrator."""
    told = desk.emulators.control("POST", "tokens", {"user": "admin@contoso-partner.example"})
    assert isinstance(told, dict)
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    answer = desk.http.request(method, f"/api/data/v9.2/{path}", json=body, headers=headers)
    assert answer.is_success, answer.text


def test_filled_columns_lookups_and_expressions_are_checked(desk: Desk, own: Path) -> None:
    (own / "opportunity.yaml").write_text(
        "fill:\n"
        "  - {dataverse: stepname, kind: money, value: 5}\n"
        "  - {dataverse: new_gone, value: x}\n"
        "  - {dataverse: budgetstatus, kind: choice, value: Made up}\n"
        "  - {dataverse: customerneed, expression: contact.first_name ~ referral.deal_value}\n"
        "  - {dataverse: budgetamount, kind: money, expression: referral.deal_value * 2}\n"
        "  - {dataverse: proposedsolution, kind: memo, expression: referral.name * 2}\n"
    )
    (own / "account.yaml").write_text(
        "fields:\n  - {field: country, dataverse: transactioncurrencyid, lookup: made_up}\n"
        "  - {field: city, dataverse: ownerid, lookup: name}\n"
    )

    found = {name: item["verdict"] for name, item in checks(desk).items() if item["verdict"] != "fine"}

    assert found == {
        "column opportunity.stepname": "failed",
        "column opportunity.new_gone": "failed",
        "column opportunity.budgetstatus": "failed",
        "column account.ownerid": "failed",
        "column transactioncurrency.made_up": "failed",
        "expression opportunity budgetamount": "warning",
        "expression opportunity proposedsolution": "failed",
    }


def test_trial_shows_what_the_mapping_fills_and_leaves_out(desk: Desk, own: Path) -> None:
    (own / "opportunity.yaml").write_text(
        "fields:\n"
        "  - {field: campaign, default: DIRECT}\n"
        "  - {field: notes, condition: referral.deal_value < 10}\n"
        "fill:\n"
        "  - {dataverse: customerneed, expression: \"'By ' ~ contact.first_name | default('nobody')\"}\n"
        "  - {dataverse: budgetamount, kind: money, expression: referral.deal_value}\n"
    )
    referral_id = desk.microsoft_invites(name="Robots for the shop floor")

    _, fields = trial(desk, referral_id)

    assert fields["campaign"]["would_become"] == {"dataverse": "DIRECT"}
    assert fields["notes"]["would_become"] == {}
    assert fields["customerneed"]["rule"] == "filled by the mapping"
    (filled,) = fields["budgetamount"]["would_become"].values()
    assert Decimal(filled) == Decimal(fields["deal_value"]["partner_center"]["amount"])


@pytest.mark.parametrize("command", ["check", "diff"])
@pytest.mark.usefixtures("desk")
def test_broken_file_ends_each_command_with_file_and_line(own: Path, command: str) -> None:
    (own / "opportunity.yaml").write_text("fields:\n  - {field: notes,\n")

    said = cosell("mapping", command)

    assert (said.code, said.has_traceback) == (2, False)
    assert "opportunity.yaml, line 3: this is not YAML" in said.err


def trial(desk: Desk, *words: str) -> tuple[Document, dict[str, dict[str, Any]]]:
    """Return what `cosell mapping test` says, and its fields by name."""
    desk.forget_calls()
    told = desk.read_json("mapping", "test", *words)
    assert desk.count_writes() == 0
    return told, {item["field"]: item for item in told["fields"]}


def test_opportunity_which_is_not_shared_yet_is_shown_as_it_would_be_sent(desk: Desk) -> None:
    opportunity_id = desk.write_opportunity()

    told, fields = trial(desk, "--opportunity", opportunity_id)

    assert told["summary"] == "A referral would be created."
    assert fields["deal_value"] == {
        "field": "deal_value",
        "column": "estimatedvalue",
        "path": "/details/dealValue",
        "direction": "both",
        "partner_center": None,
        "dataverse": {"amount": "48000.00", "currency": "EUR"},
        "would_become": {"partner_center": {"amount": "48000.00", "currency": "EUR"}},
        "rule": "new referral",
    }


def test_referral_which_nobody_knows_yet_is_shown_as_it_would_arrive(desk: Desk) -> None:
    referral_id = desk.microsoft_invites(name="Robots for the shop floor")

    told, fields = trial(desk, referral_id)

    assert told["referral_id"] == referral_id
    assert fields["name"]["partner_center"] == "Robots for the shop floor"
    assert fields["name"]["would_become"] == {"dataverse": "Robots for the shop floor"}
    assert fields["status"]["column"] is None


def test_pair_is_shown_with_both_sides_and_what_moves_between_them(desk: Desk) -> None:
    opportunity_id, referral_id = desk.share()
    desk.seller_edits(opportunity_id, estimatedvalue=52500)
    desk.colleague_edits(referral_id, details_notes="Ask for the plan.")

    told, fields = trial(desk, opportunity_id)

    assert (told["opportunity_id"], told["referral_id"]) == (opportunity_id, referral_id)
    assert fields["name"]["rule"] == "the same"
    assert fields["deal_value"]["would_become"] == {"partner_center": {"amount": "52500.00", "currency": "EUR"}}
    assert fields["notes"]["would_become"] == {"dataverse": "Ask for the plan."}
    assert fields["notes"]["rule"] == "moved in Partner Center"
    shown = desk.read("mapping", "test", "--referral", referral_id)
    assert "Field by field" in shown
    assert "description ⇄" in shown


@pytest.mark.usefixtures("desk")
def test_record_which_nobody_has_and_two_records_are_refused() -> None:
    nobody = "11111111-2222-4333-8444-555555555555"

    assert "Neither service has a record with this id." in cosell("mapping", "test", nobody).err
    assert cosell("mapping", "test", nobody, "--referral", nobody).code == 2
    assert cosell("mapping", "test").code == 2


def test_diff_shows_what_is_changed_added_and_the_same(desk: Desk, own: Path) -> None:
    (own / "opportunity.yaml").write_text(
        "columns:\n  audit: new_audit\n  name: name\nfields:\n  - {field: notes, length: 900}\n"
    )
    (own / "choices.yaml").write_text("help:\n  Machbarkeit: ProofOfConceptOrDemo\n")
    (own / "account.yaml").write_text("match: [name]\n")
    (own / "statuses.yaml").write_text("opportunity:\n  - {stage: lost, state: 2, status_reason: 100000001}\n")

    told = desk.read_json("mapping", "diff")

    found = {(Path(item["file"]).name, item["line"], item["row"], item["key"]): item for item in told["differences"]}
    assert {place: (item["shipped"], item["own"], item["standing"]) for place, item in found.items()} == {
        ("opportunity.yaml", 2, None, "columns → audit"): ("cosell_audit", "new_audit", "changed"),
        ("opportunity.yaml", 3, None, "columns → name"): ("name", "name", "the same"),
        ("opportunity.yaml", 5, "notes", "fields → length"): (2000, 900, "changed"),
        ("choices.yaml", 2, None, "help → Machbarkeit"): (None, "ProofOfConceptOrDemo", "added"),
        ("account.yaml", 1, None, "match"): (["name", "postal_code"], ["name"], "changed"),
        ("statuses.yaml", 2, "lost", "opportunity → stage"): (None, "lost", "added"),
        ("statuses.yaml", 2, "lost", "opportunity → state"): (None, 2, "added"),
        ("statuses.yaml", 2, "lost", "opportunity → status_reason"): (None, 100000001, "added"),
    }
    shown = desk.read("mapping", "diff")
    assert "opportunity.yaml │ 5 " in shown
    assert "1 values say the same as those that ship, and may go." in shown


def test_diff_names_rows_and_keys_which_this_release_does_not_know(desk: Desk, own: Path) -> None:
    (own / "opportunity.yaml").write_text("columns: {old_key: x}\nfields:\n  - {field: old_field, length: 900}\n")

    result = desk.type("mapping", "diff")

    assert result.exit_code == 1
    told = json.loads(desk.type("mapping", "diff", "--json").output)
    assert [(item["key"], item["standing"]) for item in told["differences"]] == [
        ("columns → old_key", "unknown here"),
        ("fields → field", "unknown here"),
        ("fields → length", "unknown here"),
    ]
    assert "✖" in result.output


def test_diff_without_files_of_ones_own_says_so(desk: Desk) -> None:
    assert "No mapping file of your own" in desk.read("mapping", "diff")
