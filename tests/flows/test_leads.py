"""Microsoft hands on a lead: it arrives as one, its seller qualifies it, and Partner Center hears of that."""

import json
from typing import Any

from cosell.domain.flows import FlowName
from tests.flows.prefect_ui import operating, wait_until
from tests.flows.world import World

ARRIVING = operating(FlowName.PARTNER_CENTER_TO_DYNAMICS)
ANSWERING = operating(FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
LEAD = {"type": "Independent", "qualification": "MarketingQualified", "name": "Ovens for twelve branches"}
QUALIFY = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": True, "Status": 3}


def test_lead_arrives_as_a_lead_and_its_answer_reaches_partner_center(active_world: World) -> None:
    world = active_world
    referral_id = str(world.people.microsoft_invites(LEAD)["id"])

    lead = wait_until("a lead arrives in the CRM", lambda: _find(world, "leads", referral_id))
    lead_id = str(lead["leadid"])
    assert lead["subject"].endswith(LEAD["name"])
    assert _find(world, "opportunities", referral_id) is None
    wait_until("the lead knows that it is in step", lambda: _reference(world, referral_id) == lead_id)
    assert wait_until("a run tells of the lead", lambda: _tells_of(world, ARRIVING, lead_id))

    world.people.crm("POST", f"leads({lead_id})/Microsoft.Dynamics.CRM.QualifyLead", QUALIFY)

    wait_until("the lead is accepted", lambda: _status(world, referral_id) == "Active")
    opportunity = _find(world, "opportunities", referral_id)
    assert opportunity is not None
    assert opportunity["_originatingleadid_value"] == lead_id
    wait_until("the referral names it", lambda: _reference(world, referral_id) == opportunity["opportunityid"])
    assert wait_until("a run tells of it", lambda: _tells_of(world, ANSWERING, str(opportunity["opportunityid"])))


def _find(world: World, set_: str, referral_id: str) -> dict[str, Any] | None:
    found = world.people.crm("GET", f"{set_}?$filter=cosell_referralid eq '{referral_id}'")["value"]
    return dict(found[0]) if found else None


def _reference(world: World, referral_id: str) -> str | None:
    reference: str | None = world.people.portal("GET", f"/{referral_id}")["externalReferenceId"]
    return reference


def _status(world: World, referral_id: str) -> str:
    return str(world.people.portal("GET", f"/{referral_id}")["status"])


def _tells_of(world: World, deployment: str, record_id: str) -> bool:
    """Look for a run of a flow whose table names a record."""
    return any(
        record_id in json.dumps(table["data"])
        for run in world.ui.runs_of(deployment)
        for table in world.ui.tables_of(run.run_id)
    )
