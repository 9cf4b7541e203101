"""Each tenant's notifications come in by doors of its own, and into its own inbox."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from cosell.domain.ids import TenantName
from cosell.settings import ReceiverSettings
from cosell.webhooks.app import Tenant, create_receiver
from tests.unit.webhooks.authority import World, notification
from tests.unit.webhooks.conftest import ListedInbox, Receiver

CONTEXT = {
    "OrganizationId": "d27a8e14-6c3b-4b59-9f02-e5718a40cb63",
    "PrimaryEntityName": "opportunity",
    "PrimaryEntityId": "11111111-2222-4333-8444-555555555555",
    "MessageName": "Update",
}
OURS, NORTHS = "ours", "norths"


@pytest.fixture
def inboxes() -> tuple[ListedInbox, ListedInbox]:
    return ListedInbox(), ListedInbox()


@pytest.fixture
async def http(
    receiver: Receiver, settings: ReceiverSettings, inboxes: tuple[ListedInbox, ListedInbox]
) -> AsyncIterator[httpx.AsyncClient]:
    ours, norths = inboxes
    app = create_receiver(
        settings.model_copy(update={"dataverse_secret": SecretStr(OURS)}),
        ours,
        wake=lambda: None,
        clock=receiver.clock,
        fetch=receiver.shelf,
        others=[Tenant(name=TenantName("north"), inbox=norths, secret=SecretStr(NORTHS))],
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        yield client


async def _wake(http: httpx.AsyncClient, path: str, secret: str) -> int:
    return (await http.post(path, json=CONTEXT, headers={"x-cosell-key": secret})).status_code


async def test_wake_up_goes_into_the_inbox_of_the_tenant_whose_door_it_came_by(
    http: httpx.AsyncClient, inboxes: tuple[ListedInbox, ListedInbox]
) -> None:
    ours, norths = inboxes

    assert await _wake(http, "/webhooks/dataverse/north", NORTHS) == 202
    assert (len(ours.waiting), len(norths.waiting)) == (0, 1)
    assert await _wake(http, "/webhooks/dataverse", OURS) == 202
    assert (len(ours.waiting), len(norths.waiting)) == (1, 1)


async def test_proven_notification_goes_into_the_inbox_of_its_tenant(
    http: httpx.AsyncClient, world: World, inboxes: tuple[ListedInbox, ListedInbox]
) -> None:
    body = notification()
    answer = await http.post("/webhooks/partner-center/north", content=body, headers=world.signer.headers(body))

    assert answer.status_code == 202, answer.text
    assert [len(inbox.waiting) for inbox in inboxes] == [0, 1]


async def test_secret_of_one_tenant_opens_no_door_of_another(
    http: httpx.AsyncClient, inboxes: tuple[ListedInbox, ListedInbox]
) -> None:
    assert await _wake(http, "/webhooks/dataverse", NORTHS) == 401
    assert await _wake(http, "/webhooks/dataverse/north", OURS) == 401
    assert [len(inbox.waiting) for inbox in inboxes] == [0, 0]


async def test_tenant_which_is_not_served_has_no_door(http: httpx.AsyncClient) -> None:
    assert await _wake(http, "/webhooks/dataverse/south", OURS) == 404
    assert await _wake(http, "/webhooks/dataverse/default", OURS) == 404


async def test_readiness_counts_all_inboxes_and_fails_with_any(
    http: httpx.AsyncClient, inboxes: tuple[ListedInbox, ListedInbox]
) -> None:
    await _wake(http, "/webhooks/dataverse/north", NORTHS)
    await _wake(http, "/webhooks/dataverse", OURS)
    assert (await http.get("/readyz")).json()["inbox_waiting"] == 2
    inboxes[1].error = OSError("full")
    assert (await http.get("/readyz")).status_code == 503
