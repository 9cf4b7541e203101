"""What the operator reads before starting a run by hand: what a deployment does, and what each field of the form is."""

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
