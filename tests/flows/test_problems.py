"""What stands in the way, grouped for a person: one row for each thing, with its records and what to do. No server."""

import pytest

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.ways_out import find_way_out
from cosell.errors import RequestRejected, ServiceUnreachable
from cosell.store import HintKind
from cosell.sync.outcome import Outcome, Result
from flows.operating import _outcome_of
from flows.problems import group_by_cause

TEMPLATE = "https://partner.example/{id}"


def _refused(number: int, reason: str) -> Outcome:
    return Outcome(result=Result.REFUSED, referral_id=ReferralId(f"r{number}"), cause="RequestRejected", reason=reason)


def test_records_with_one_cause_are_one_row_and_the_most_frequent_comes_first() -> None:
    once = Outcome(result=Result.LATER, referral_id=ReferralId("r99"), cause="LeaseHeld", reason="Somebody has it.")
    first, second = group_by_cause(
        [once, *(_refused(number, f"No name (record referral r{number})") for number in range(7))], TEMPLATE
    )

    assert (first["records"], first["what it says"]) == ("7", "No name")
    assert first["cause"] == "RequestRejected"
    assert first["which"].startswith("referral [r0](https://partner.example/r0), ")
    assert first["which"].endswith(" and 2 more")
    assert first["way out"] == find_way_out("RequestRejected") != ""
    assert second["which"] == "referral [r99](https://partner.example/r99)"


def test_outcome_of_an_error_knows_its_cause() -> None:
    assert _outcome_of(RequestRejected("no"), "r1", HintKind.REFERRAL).cause == "RequestRejected"
    assert _outcome_of(ServiceUnreachable("no"), "o1", HintKind.OPPORTUNITY).cause == "ServiceUnreachable"


def test_way_out_is_told_without_the_links_of_the_pages() -> None:
    assert find_way_out("SettingsInvalid").startswith("Set the variables which the text names, then")
    assert find_way_out("NothingOfOurs") == ""


def test_records_of_the_crm_are_linked_to_their_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATAVERSE__URL", "PARTNER_CENTER__API_URL"):
        monkeypatch.setenv(f"COSELL_{name}", "https://contoso.crm.example/")
    for group in ("DATAVERSE", "PARTNER_CENTER"):
        for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"):
            monkeypatch.setenv(f"COSELL_{group}__{name}", "made-up")
    stopped = Outcome(result=Result.NOT_READY, opportunity_id=OpportunityId("o1"), cause="NotReady", reason="No name.")

    (row,) = group_by_cause([stopped], TEMPLATE)

    address = "https://contoso.crm.example/main.aspx?etn=opportunity&pagetype=entityrecord&id=o1"
    assert row["which"] == f"opportunity [o1]({address})"
