"""What the operator reads before starting a run by hand: what a deployment does, and what each field of the form is."""

import pytest

from cosell.domain.flows import FlowName
from tests.flows.prefect_ui import DEPLOYMENTS, activating, operating
from tests.flows.world import World


def test_every_deployment_tells_what_it_does_and_carries_its_tags(world: World) -> None:
    told = {name: world.ui.deployment(name) for name in DEPLOYMENTS}

    assert [name for name, it in told.items() if not (it["description"] or "").endswith(".")] == []
    assert [name for name, it in told.items() if "cosell" not in it["tags"]] == []
    assert [flow for flow in FlowName if f"flow {flow.number}" not in told[operating(flow)]["tags"]] == []
    assert [flow for flow in FlowName if "activation" not in told[activating(flow)]["tags"]] == []


def test_every_field_of_every_run_form_is_explained(world: World) -> None:
    unexplained = [
        (name, field)
        for name in DEPLOYMENTS
        for field, schema in world.ui.deployment(name)["parameter_openapi_schema"]["properties"].items()
        if len(schema.get("description", "")) < 10
    ]

    assert unexplained == []


def test_form_of_an_activation_offers_the_nine_flows(world: World) -> None:
    form = world.ui.deployment(activating(FlowName.REGISTER_WEBHOOK))["parameter_openapi_schema"]

    assert form["definitions"]["FlowName"]["enum"] == list(FlowName)


SOME_ID = "11111111-2222-4333-8444-555555555555"
NONSENSE: dict[str, tuple[FlowName, dict[str, object], str]] = {
    "a list which is none": (FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, {"opportunity_ids": 7}, "opportunity_ids"),
    "no id": (FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, {"opportunity_ids": [SOME_ID, "nonsense"]}, "[1]"),
    "far too many": (FlowName.DYNAMICS_TO_PARTNER_CENTER, {"lead_ids": [SOME_ID] * 1001}, "too long"),
    "less than nothing": (FlowName.OPPORTUNITIES_TO_PARTNER_CENTER, {"confirmed_gone": -1}, "confirmed_gone"),
    "nothing at all": (FlowName.PARTNER_CENTER_TO_DYNAMICS_HELPER, {}, "referral_ids"),
    "maybe": (FlowName.REGISTER_WEBHOOK, {"overwrite": "maybe"}, "overwrite"),
}


@pytest.mark.parametrize("typed", NONSENSE)
def test_nonsense_in_a_run_form_is_refused_before_anything_runs(world: World, typed: str) -> None:
    flow, parameters, named = NONSENSE[typed]

    assert named in world.ui.refused_start(operating(flow), parameters)


def test_flow_which_does_not_exist_cannot_be_activated(world: World) -> None:
    told = world.ui.refused_start(activating(FlowName.REGISTER_WEBHOOK), {"flow_name": "register-everything"})

    assert "flow_name" in told
