"""The gate before every operating flow, in the flow's own code: what is not active does not run. No server needed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from prefect.client.schemas.objects import State, StateType

from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.errors import RequestRejected
from cosell.mapping.variables import Variables
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace
from flows.create_cosell_referral import create_cosell_referral
from flows.customize_dynamics_details import customize_dynamics_details
from flows.dynamics_to_partner_center import dynamics_to_partner_center
from flows.microsoft_referrals_to_dynamics import microsoft_referrals_to_dynamics
from flows.opportunities_to_partner_center import opportunities_to_partner_center
from flows.partner_center_to_dynamics import partner_center_to_dynamics
from flows.partner_center_to_dynamics_helper import partner_center_to_dynamics_helper
from flows.solutions_to_partner_center import solutions_to_partner_center
from tasks.referrals import check_ids
from tasks.workspace import _current
from tests.flows.somewhere import settings_of_nowhere

GATED: dict[FlowName, Callable[[], Awaitable[State[Any]]]] = {
    FlowName.CREATE_COSELL_REFERRAL: lambda: create_cosell_referral.fn([]),
    FlowName.CUSTOMIZE_DYNAMICS_DETAILS: customize_dynamics_details.fn,
    FlowName.PARTNER_CENTER_TO_DYNAMICS_HELPER: lambda: partner_center_to_dynamics_helper.fn([]),
    FlowName.MICROSOFT_REFERRALS_TO_DYNAMICS: lambda: microsoft_referrals_to_dynamics.fn([]),
    FlowName.PARTNER_CENTER_TO_DYNAMICS: lambda: partner_center_to_dynamics.fn(["nonsense"]),
    FlowName.DYNAMICS_TO_PARTNER_CENTER: lambda: dynamics_to_partner_center.fn([]),
    FlowName.OPPORTUNITIES_TO_PARTNER_CENTER: lambda: opportunities_to_partner_center.fn(["nonsense"]),
    FlowName.SOLUTIONS_TO_PARTNER_CENTER: lambda: solutions_to_partner_center.fn(["nonsense"]),
}
"""Every flow but the first, which has nothing before it, with parameters that reach no service."""


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with open_workspace(settings_of_nowhere(), variables=Variables()) as opened:
        yield opened


async def _run(workspace: Workspace, name: FlowName) -> State[Any]:
    token = _current.set(workspace)
    try:
        return await GATED[name]()
    finally:
        _current.reset(token)


def test_every_flow_but_the_first_has_a_gate() -> None:
    assert list(GATED) == list(ACTIVATION_ORDER[1:])


@pytest.mark.parametrize("name", GATED)
async def test_flow_does_not_run_while_itself_is_not_active(name: FlowName, workspace: Workspace) -> None:
    for predecessor in name.predecessors:
        await workspace.ledger.activations.activate(predecessor, "for a test")
    state = await _run(workspace, name)

    assert (state.type, state.name) == (StateType.CANCELLED, "NotActivated")
    assert f"in this order: {name.number} {name}. " in (state.message or "")


@pytest.mark.parametrize("name", GATED)
async def test_flow_does_not_run_while_one_before_it_is_not_active(name: FlowName, workspace: Workspace) -> None:
    for other in ACTIVATION_ORDER[1:]:
        await workspace.ledger.activations.activate(other, "for a test")
    state = await _run(workspace, name)

    assert (state.type, state.name) == (StateType.CANCELLED, "NotActivated")
    assert "in this order: 1 register-webhook. " in (state.message or "")


@pytest.mark.parametrize("name", [name for name in GATED if name.number in {6, 8, 9}])
async def test_active_flow_gets_beyond_the_gate_and_refuses_nonsense(name: FlowName, workspace: Workspace) -> None:
    for flow in ACTIVATION_ORDER:
        await workspace.ledger.activations.activate(flow, "for a test")
    state = await _run(workspace, name)

    assert state.type is StateType.FAILED
    assert (state.message or "").startswith("Number 1 of the given ids is not an id.")


def test_ids_are_spelled_as_the_services_do_and_the_place_of_a_wrong_one_is_told() -> None:
    assert check_ids([" {11111111-2222-4333-8444-55555555ABCD} "]) == ["11111111-2222-4333-8444-55555555abcd"]
    with pytest.raises(RequestRejected, match=r"^Number 2 of the given ids is not an id\.") as caught:
        check_ids(["11111111-2222-4333-8444-555555555555", "Ottoline"])
    assert "Ottoline" not in str(caught.value)
