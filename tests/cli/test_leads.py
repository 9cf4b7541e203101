"""What a person types about a lead: what would become of it, bringing it in step, and its life."""

import pytest

from tests.cli.desk import Desk

LEAD = {"type": "Independent", "qualification": "MarketingQualified", "name": "Ovens for twelve branches"}


def test_plan_of_a_new_lead_says_that_a_lead_would_be_made_and_makes_none(desk: Desk) -> None:
    referral_id = desk.microsoft_invites(**LEAD)
    desk.forget_calls()

    plan = desk.read_json("plan", "--referral", referral_id)

    assert plan["summary"] == "A lead would be created."
    assert plan["created"] == ["a lead in the CRM"]
    assert {change["field"]: change["new"] for change in plan["changes"]}["name"] == LEAD["name"]
    assert desk.count_writes() == 0


def test_life_of_a_lead_from_its_arrival_to_the_opportunity(desk: Desk) -> None:
    desk.activate()
    referral_id = desk.microsoft_invites(**LEAD)
    arrived = desk.read("sync", "--referral", referral_id)
    lead_id = desk.referral(referral_id)["externalReferenceId"]
    assert arrived.startswith("✔ created")
    assert f"lead {lead_id}" in arrived
    assert "both records are as the last sync left them" in desk.read("plan", "--referral", referral_id)

    desk.colleague_edits(referral_id, details_notes="They bake at night.")
    plan = desk.read_json("plan", "--referral", referral_id)
    assert (plan["lead_id"], plan["opportunity_id"]) == (lead_id, None)
    assert [change["new"] for change in plan["changes"]] == ["They bake at night."]
    assert f"Lead        {lead_id}" in desk.read("plan", "--referral", referral_id)
    assert "to the CRM notes" in desk.read("sync", "--referral", referral_id)

    desk.colleague_edits(referral_id, status="Active", substatus="Accepted")
    assert "The lead would be qualified" in desk.read("plan", "--referral", referral_id)
    desk.read("sync", "--referral", referral_id)

    life = desk.read_json("why", lead_id)
    assert life["lead_id"] == lead_id
    assert life["opportunity_id"] == desk.referral(referral_id)["externalReferenceId"]
    rules = [entry["rule"] for entry in life["journal"]]
    assert rules[-1] == "lead created from the referral"
    assert "accepted in Partner Center" in rules
    assert f"Lead        {lead_id}" in desk.read("why", referral_id)
    assert desk.emulators.violations() == []


@pytest.mark.parametrize(
    ("closed_by", "told"),
    [("seller", "declined by the seller"), ("colleague", "Disqualified: the referral is closed as declined")],
)
def test_plan_tells_what_a_declined_lead_would_come_to(desk: Desk, closed_by: str, told: str) -> None:
    desk.activate()
    referral_id = desk.microsoft_invites(**LEAD)
    desk.read("sync", "--referral", referral_id)
    lead_id = desk.referral(referral_id)["externalReferenceId"]
    if closed_by == "seller":
        desk.crm("PATCH", f"leads({lead_id})", {"statecode": 2, "statuscode": 6})
    else:
        desk.colleague_edits(referral_id, status="Closed", substatus="Declined")

    plan = desk.read_json("plan", "--referral", referral_id)

    assert [change["field"] for change in plan["changes"]] == ["status"]
    assert told in plan["audit"][0]


def test_marketplace_lead_stays_out_by_its_setting(desk: Desk) -> None:
    desk.activate()
    referral_id = desk.microsoft_invites(**{**LEAD, "qualification": "Direct"})

    assert "by their setting" in desk.read("plan", "--referral", referral_id)
    assert desk.read("sync", "--referral", referral_id).startswith("✔ skipped")
