"""Two tenants in one ledger and on one server: each flow run is one tenant's, and knows nothing of the other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from prefect.client.schemas.objects import StateType

from cosell.dispatch import activating_deployment, operating_deployment
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.mapping.variables import Variables
from cosell.store import Door, Hint, HintKind
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace
from tasks.registration import receiver_url
from tests.flows.somewhere import settings_of_nowhere
from tests.flows.test_gate import _run

NORTH = TenantName("north")
ID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
async def both() -> AsyncIterator[tuple[Workspace, Workspace]]:
    """The workspaces of two tenants, whose rows lie in the same database."""
    async with AsyncExitStack() as stack:
        settings = settings_of_nowhere()
        ours = await stack.enter_async_context(open_workspace(settings, variables=Variables()))
        other = settings.model_copy(update={"tenant": NORTH})
        norths = await stack.enter_async_context(open_workspace(other, variables=Variables()))
        yield ours, norths


async def test_what_is_active_for_one_tenant_is_not_for_the_other(both: tuple[Workspace, Workspace]) -> None:
    ours, norths = both
    for flow in ACTIVATION_ORDER:
        await ours.ledger.activations.activate(flow, "for a test")
    states = [await _run(workspace, FlowName.OPPORTUNITIES_TO_PARTNER_CENTER) for workspace in both]

    assert [(state.type, state.name) for state in states] == [
        (StateType.FAILED, "Failed"),
        (StateType.CANCELLED, "NotActivated"),
    ]
    assert await norths.ledger.activations.find_all() == {}


async def test_hints_leases_and_what_is_remembered_are_apart(both: tuple[Workspace, Workspace]) -> None:
    ours, norths = both
    await ours.ledger.inbox.add([Hint(door=Door.PARTNER_CENTER, kind=HintKind.REFERRAL, record_id=ID)])
    await ours.ledger.meta.save("key", "ours")

    assert (await ours.ledger.inbox.count_waiting(), await norths.ledger.inbox.count_waiting()) == (1, 0)
    assert await norths.ledger.inbox.find_due() == {}
    assert await norths.ledger.meta.find("key") is None
    for workspace in both:
        assert await workspace.ledger.leases.acquire([f"referral:{ID}"], holder=workspace.holder, seconds=60)


def test_no_deployment_of_one_is_the_others() -> None:
    names = {
        tenant: {
            name(flow, tenant=tenant) for flow in FlowName for name in (operating_deployment, activating_deployment)
        }
        for tenant in (DEFAULT_TENANT, NORTH)
    }
    assert names[DEFAULT_TENANT] & names[NORTH] == set()
    assert operating_deployment(FlowName.REGISTER_WEBHOOK, tenant=NORTH) == "register-webhook/1-register-webhook-north"


def test_each_registers_an_address_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "COSELL_DATAVERSE__URL": "https://crm.example",
        "COSELL_DATAVERSE__TENANT_ID": "t",
        "COSELL_DATAVERSE__CLIENT_ID": "c",
        "COSELL_DATAVERSE__CLIENT_SECRET": "s",
        "COSELL_PARTNER_CENTER__TENANT_ID": "t",
        "COSELL_PARTNER_CENTER__CLIENT_ID": "c",
        "COSELL_RECEIVER__PUBLIC_URL": "https://sync.example/",
    }.items():
        monkeypatch.setenv(name, value)
    ours = receiver_url()
    monkeypatch.setenv("COSELL_TENANT", NORTH)

    assert ours == "https://sync.example/webhooks/partner-center"
    assert receiver_url() == "https://sync.example/webhooks/partner-center/north"
