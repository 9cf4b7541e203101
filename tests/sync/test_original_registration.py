"""Flow 1 of the original: the receiver's URL is registered for all events, and overwrites nobody by accident."""

import pytest

from cosell.emulators.options import Options, environment_of
from tasks.registration import register
from tests.sync.fate import WRITES, Fate
from tests.sync.stand import Stand

EVENTS = {"referral-created", "referral-updated", "related-referral-created", "related-referral-updated"}
RECEIVER = "https://receiver.partner.example"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_of(Options()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", RECEIVER)


async def test_flow_one_registers_the_receiver_for_all_four_events(stand: Stand) -> None:
    async with stand.run() as workspace:
        await register(workspace, may_overwrite=False)
        found = await workspace.webhooks.find_registration()

    assert found is not None
    assert found.webhook_url == f"{RECEIVER}/webhooks/partner-center"
    assert set(found.webhook_events) >= EVENTS

    fate = Fate()
    async with stand.run(fate) as workspace:
        report = await register(workspace, may_overwrite=False)
    assert (report.was_changed, fate.calls(*WRITES)) == (False, []), "once it stands there, it is left alone"


async def test_flow_one_keeps_the_events_which_somebody_else_registered(stand: Stand) -> None:
    theirs = "https://others.example/hooks"
    async with stand.run() as workspace:
        await workspace.webhooks.create_registration(url=theirs, events=("subscription-updated",))
        report = await register(workspace, may_overwrite=True)
        found = await workspace.webhooks.find_registration()

    assert report.replaced_url == theirs
    assert found is not None
    assert set(found.webhook_events) >= {*EVENTS, "subscription-updated"}
