"""The checks behind the activation, against a CRM which nobody has prepared, and one that somebody has spoilt."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cosell.domain.flows import FlowName
from cosell.errors import NotActivated, SchemaMissing
from cosell.mapping.variables import Variables
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace
from tasks.activation import check_change_tracking, check_columns, check_partner_center, check_referral_key
from tasks.registration import EVENTS, prove_delivery, register
from tests.emulator_process import Emulators, running_emulators
from tests.flows.columns import missing_column

DEAD_URL = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def bare() -> Iterator[Emulators]:
    with running_emulators("--bare") as emulators:
        yield emulators


@pytest.fixture(scope="module")
def prepared() -> Iterator[Emulators]:
    with running_emulators() as emulators:
        yield emulators


@asynccontextmanager
async def _workspace(emulators: Emulators, home: Path) -> AsyncIterator[Workspace]:
    async with open_workspace(emulators.settings(HOME=str(home)), variables=Variables()) as workspace:
        yield workspace


async def test_crm_which_nobody_prepared_is_told_column_by_column(bare: Emulators, tmp_path: Path) -> None:
    async with _workspace(bare, tmp_path) as workspace:
        with pytest.raises(SchemaMissing) as caught:
            await check_columns(workspace)

    missing = (
        "cosell_syncwithpartnercenter",
        "cosell_referralid",
        "cosell_referrallink",
        "cosell_audit",
        "cosell_help",
    )
    assert [name for name in missing if f"column opportunity.{name} is missing" not in str(caught.value)] == []
    assert "table cosell_microsoftsolution is missing" in str(caught.value)
    assert "opportunity.name" not in str(caught.value)


async def test_referral_id_which_is_no_key_is_told(bare: Emulators, tmp_path: Path) -> None:
    async with _workspace(bare, tmp_path) as workspace:
        with pytest.raises(SchemaMissing, match="cosell_referralid has to be an alternate key") as caught:
            await check_referral_key(workspace)

    assert "It is none." in str(caught.value)


async def test_prepared_crm_passes_every_check(prepared: Emulators, tmp_path: Path) -> None:
    async with _workspace(prepared, tmp_path) as workspace:
        told = [
            await check_partner_center(workspace),
            await check_columns(workspace),
            await check_referral_key(workspace),
            await check_change_tracking(workspace, "opportunity"),
            await check_change_tracking(workspace, "cosell_microsoftsolution"),
        ]

    assert [text for text in told if not text.endswith(".")] == []


async def test_column_which_somebody_deleted_is_told(prepared: Emulators, tmp_path: Path) -> None:
    with missing_column(prepared, "cosell_microsoftcrmid"):
        async with _workspace(prepared, tmp_path) as workspace:
            with pytest.raises(SchemaMissing, match=r"column opportunity\.cosell_microsoftcrmid is missing\. "):
                await check_columns(workspace)


async def test_url_of_somebody_else_is_only_replaced_when_that_is_said(
    prepared: Emulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in prepared.environment.items():
        monkeypatch.setenv(name, value)
    async with _workspace(prepared, tmp_path) as workspace:
        monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", "https://others.example")
        await register(workspace, may_overwrite=False)
        monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", DEAD_URL)
        with pytest.raises(NotActivated, match=r"https://others\.example/webhooks/partner-center") as caught:
            await register(workspace, may_overwrite=False)
        assert "'overwrite'" in str(caught.value)
        report = await register(workspace, may_overwrite=True)

    assert report.replaced_url == "https://others.example/webhooks/partner-center"
    assert report.url == f"{DEAD_URL}/webhooks/partner-center"


async def test_receiver_which_cannot_be_reached_is_told_with_its_address(
    prepared: Emulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in prepared.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", DEAD_URL)
    prepared.control("POST", "options", {"attempt_count": 1})
    async with _workspace(prepared, tmp_path) as workspace:
        await register(workspace, may_overwrite=True)
        with pytest.raises(NotActivated, match=f"could not deliver its validation event to {DEAD_URL}/"):
            await prove_delivery(workspace)


async def test_registration_that_was_ours_and_is_gone_or_lacks_an_event_is_put_back_and_told(
    prepared: Emulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in prepared.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", DEAD_URL)
    async with _workspace(prepared, tmp_path) as workspace:
        ours = await register(workspace, may_overwrite=True)
        assert ours.mended == "", "before its activation it is put there for the first time"
        await workspace.ledger.activations.activate(FlowName.REGISTER_WEBHOOK, "for a test")
        left = [event for event in ours.events if event != "referral-updated"]
        await workspace.webhooks.update_registration(url=ours.url, events=left)
        found = await register(workspace, may_overwrite=False)
        again = await register(workspace, may_overwrite=False)

    assert found.mended.startswith("Our registration had lost referral-updated; it was put back.")
    assert set(found.events) == set(ours.events)
    assert (again.was_changed, again.mended) == (False, "")


async def test_events_which_others_registered_stay(
    prepared: Emulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in prepared.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", "https://others.example")
    async with _workspace(prepared, tmp_path) as workspace:
        foreign = next(event for event in await workspace.webhooks.get_events() if event not in EVENTS)
        await register(workspace, may_overwrite=True)
        url = "https://others.example/webhooks/partner-center"
        await workspace.webhooks.update_registration(url=url, events=[foreign])
        monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", DEAD_URL)
        report = await register(workspace, may_overwrite=True)

    assert report.events == (foreign, *EVENTS)
    assert report.replaced_url == url
