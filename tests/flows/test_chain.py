"""Break any flow of the chain, and every flow after it refuses: to run, to be activated, and by hand in a terminal."""

from collections.abc import AsyncIterator

import pytest
from prefect.client.schemas.objects import StateType

from cosell.cli.opening import refuse_unless_active
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.errors import NotActivated
from cosell.mapping.variables import Variables
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace
from flows.chain_table import say_what_is_missing
from tasks.activation import check_activation
from tasks.workspace import _current
from tests.flows.somewhere import settings_of_nowhere
from tests.flows.test_gate import _run

PAIRS = [(broken, flow) for broken in ACTIVATION_ORDER for flow in broken.dependants]


@pytest.fixture
async def active() -> AsyncIterator[Workspace]:
    """All nine are active; no service and no server is there to be asked."""
    async with open_workspace(settings_of_nowhere(), variables=Variables()) as opened:
        for flow in ACTIVATION_ORDER:
            await opened.ledger.activations.activate(flow, "for a test")
        token = _current.set(opened)
        yield opened
        _current.reset(token)


def _tells(text: str | None, broken: FlowName) -> bool:
    """Whether a text names what is missing, and the command which mends it."""
    return f"first, in this order: {broken.number} {broken}. `cosell activate`" in (text or "")


@pytest.mark.parametrize(("broken", "flow"), PAIRS)
async def test_whatever_comes_after_a_broken_flow_refuses(broken: FlowName, flow: FlowName, active: Workspace) -> None:
    await active.ledger.activations.deactivate([broken])
    run = await _run(active, flow)
    with pytest.raises(NotActivated) as stage:
        await check_activation.fn(flow)
    with pytest.raises(NotActivated) as typed:
        await refuse_unless_active(active.ledger, flow)

    assert (run.type, run.name) == (StateType.CANCELLED, "NotActivated")
    assert [_tells(text, broken) for text in (run.message, str(stage.value), str(typed.value))] == [True] * 3


def test_table_of_the_chain_says_what_a_flow_waits_for() -> None:
    first, second, third = ACTIVATION_ORDER[:3]
    assert say_what_is_missing(third, {first}) == f"waits for 2 {second}"
    assert say_what_is_missing(second, {first}).startswith("next: ")
