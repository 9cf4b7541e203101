"""`cosell adopt` as a person at a terminal meets it."""

from pathlib import Path

import pytest

from cosell.emulators.connector_deals import WEBHOOK
from cosell.mapping.loader import load_mappings
from tests.cli.desk import Desk

URL = "https://cosell.contoso-partner.example"


def seed(desk: Desk, count: int = 25) -> None:
    """Let Microsoft's connector have been at work."""
    desk.emulators.control("POST", "seed", {"connector": count, "seed": 3})


def test_look_tells_and_writes_nothing_and_the_take_over_is_told_and_undone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(desk)
    desk.forget_calls()
    looked = desk.read("adopt")
    assert looked.startswith("Nothing was written. 23 pairs, ")
    assert "Without their other half" in looked
    assert "There several times; nothing is deleted" in looked
    assert WEBHOOK.partition("?")[0] in looked.replace("\n", "")
    assert "sig=" not in looked
    assert desk.count_writes() == 0

    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", URL)
    taken = desk.read_json("adopt", "--take-over", "--overwrite-webhook")
    assert taken["counts"]["taken over now"] == 23
    assert str(taken["replaced_url"]) == f"{WEBHOOK.partition('?')[0]}?…"
    assert desk.read("adopt").startswith("Nothing was written. 23 pairs, 0 of them differ")

    undone = desk.read("adopt", "--undo")
    assert "✔ 23 links forgotten" in undone
    assert "calls https://prod-27" in undone


def test_overlay_keeps_the_connectors_columns_and_nothing_is_copied(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seed(desk)
    directory = tmp_path / "overlay"

    told = desk.read("adopt", "--write-overlay", str(directory))

    assert f"COSELL_MAPPINGS_DIR={directory}" in told.replace("\n", "")
    own = load_mappings(directory).opportunity
    assert own.columns.referral_id == "msft_microsoftpartnercenterreferralidentifier"
    assert {row.dataverse for row in own.fields if row.field in {"help", "visibility"}} == {
        "msft_microsoftpartnercenterhelp",
        "msft_microsoftpartnercenterreferralvisible",
    }
    (program,) = [row for row in own.fields if row.field == "referral_program"]
    assert program.length == 100, "the connector's column takes less than ours"
    monkeypatch.setenv("COSELL_MAPPINGS_DIR", str(directory))
    taken = desk.read_json("adopt", "--take-over")
    assert taken["counts"]["taken over now"] == 23
    rows = desk.crm("GET", "opportunities?$filter=cosell_referralid ne null")["value"]
    assert rows == []

    (directory / "opportunity.yaml").write_text("fields: []\n", "utf-8")
    again = desk.type("adopt", "--write-overlay", str(directory))
    assert again.exit_code != 0
    assert "says something else" in str(again.exception)


@pytest.mark.parametrize(
    "words",
    [
        ("--take-over", "--undo"),
        ("--undo", "--write-overlay", "somewhere"),
        ("--overwrite-webhook",),
        ("--confirm-differing", "3"),
    ],
)
def test_options_which_do_not_go_together_are_wrong_usage(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.type("adopt", *words).exit_code == 2


def test_crm_without_the_connector_is_told_in_a_sentence(desk: Desk) -> None:
    said = desk.type("adopt")

    assert said.exit_code != 0
    assert "left no trace" in str(said.exception)
