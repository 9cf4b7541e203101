"""`cosell promote`: mapping files and variables go from staging to production, if production's CRM can take them."""

import json
from pathlib import Path

import pytest

from tests.cli.desk import Desk

STAGING, PRODUCTION = Path("staging-mappings"), Path("production-mappings")
FITS = "fields:\n- {field: notes, owner: dataverse}\n"
DOES_NOT_FIT = "fields:\n- {field: notes, dataverse: acme_story}\n"


@pytest.fixture(autouse=True)
def _tenants(_nobodys_settings: None) -> None:
    """Two tenants beside the default one; what they do not say themselves stands in the environment."""
    Path("tenants").mkdir()
    for name, directory in (("staging", STAGING), ("production", PRODUCTION)):
        Path(f"tenants/{name}.env").write_text(f"COSELL_MAPPINGS_DIR={directory}\n", "utf-8")
    STAGING.mkdir()
    (STAGING / "opportunity.yaml").write_text(FITS, "utf-8")


def _promote(desk: Desk, *words: str) -> tuple[int, str]:
    result = desk.type("promote", "--from", "staging", "--to", "production", *words)
    return result.exit_code, result.output


def test_difference_is_shown_and_written_when_that_was_said(desk: Desk) -> None:
    exit_code, shown = _promote(desk, "--yes")

    assert (exit_code, "+- {field: notes, owner: dataverse}" in shown) == (0, True)
    assert (PRODUCTION / "opportunity.yaml").read_text("utf-8") == FITS
    assert "alike already" in _promote(desk)[1]


def test_dry_run_and_a_no_write_nothing(desk: Desk) -> None:
    assert _promote(desk, "--dry-run")[0] == 0
    assert desk.type("promote", "--from", "staging", "--to", "production").exit_code == 1, "nobody said yes"
    assert not PRODUCTION.exists()


def test_what_the_other_crm_cannot_take_is_named_and_stops_it(desk: Desk) -> None:
    (STAGING / "opportunity.yaml").write_text(DOES_NOT_FIT, "utf-8")
    exit_code, shown = _promote(desk, "--yes")

    assert exit_code == 1
    assert "opportunity.acme_story" in shown
    assert "cannot take it; nothing was written" in shown
    assert not PRODUCTION.exists()


def test_what_stood_there_before_is_kept_and_what_is_gone_goes(desk: Desk) -> None:
    PRODUCTION.mkdir()
    (PRODUCTION / "opportunity.yaml").write_text("# ours\n", "utf-8")
    (PRODUCTION / "lead.yaml").write_text("# ours, too\n", "utf-8")
    exit_code, shown = _promote(desk, "--yes")

    assert (exit_code, "-# ours, too" in shown) == (0, True)
    assert sorted(path.name for path in PRODUCTION.iterdir()) == [
        "lead.yaml.before",
        "opportunity.yaml",
        "opportunity.yaml.before",
    ]
    assert (PRODUCTION / "opportunity.yaml.before").read_text("utf-8") == "# ours\n"
    assert desk.read("--tenant", "production", "mapping", "check")


def test_tenant_without_a_directory_of_its_own_is_told_to_have_one(desk: Desk) -> None:
    Path("tenants/production.env").write_text("", "utf-8")
    result = desk.type("promote", "--from", "staging", "--to", "production", "--yes")

    assert "set COSELL_MAPPINGS_DIR in its settings" in str(result.exception)


def test_scripts_read_what_would_change(desk: Desk) -> None:
    told = json.loads(_promote(desk, "--dry-run", "--json")[1])

    assert [change["file"] for change in told["files"]] == ["opportunity.yaml"]
    assert (told["variables"], told["written"]) == ([], False)
    assert {item["verdict"] for item in told["checks"]} == {"fine"}


def test_tenant_is_not_promoted_to_itself(desk: Desk) -> None:
    assert desk.type("promote", "--from", "staging", "--to", "staging").exit_code == 2
