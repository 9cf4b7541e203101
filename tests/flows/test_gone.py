"""Flow 8 when suspiciously many opportunities are gone: it stops, asks, and works through nothing until the answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import unwrap
from typing import Any

import pytest
from prefect.client.schemas.objects import State

import flows.opportunities_to_partner_center as flow_8
from cosell.errors import UnsafePlan
from cosell.sync.outcome import Outcome
from flows.operating import NEEDS_ATTENTION

Operation = Callable[..., Awaitable[State[Any]]]
DOUBT = "5 of 5 linked opportunities are gone from the CRM at once. If they were deleted on purpose, confirmed_gone = 5"


@asynccontextmanager
async def own_turn(*_: object) -> AsyncIterator[None]:
    yield None


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the parts of the flow only say that their turn has come; the poll doubts unless five are confirmed."""
    said: list[str] = []

    async def quiet(*_: object) -> None:
        return None

    async def poll(confirmed_gone: int) -> int:
        said.append(f"polled, {confirmed_gone} confirmed")
        if confirmed_gone < 5:
            raise UnsafePlan(DOUBT)
        return 5

    async def work(*_: object) -> list[Outcome]:
        said.append("worked")
        return []

    monkeypatch.setattr(flow_8, "turn_of", own_turn)
    for name in ("take_wake_ups", "follow_mark_setting", "poll_leads", "publish_outcomes"):
        monkeypatch.setattr(flow_8, name, quiet)
    monkeypatch.setattr(flow_8, "poll_opportunities", poll)
    monkeypatch.setattr(flow_8, "work_through_inbox", work)
    return said


async def test_doubt_ends_the_run_before_anything_is_worked_through(told: list[str]) -> None:
    operation: Operation = unwrap(flow_8.opportunities_to_partner_center.fn)
    state = await operation()
    assert (state.name, state.is_failed()) == (NEEDS_ATTENTION, True)
    assert state.message == f"{DOUBT}."
    assert told == ["polled, 0 confirmed"]


async def test_confirmed_number_lets_the_run_go_on(told: list[str]) -> None:
    operation: Operation = unwrap(flow_8.opportunities_to_partner_center.fn)
    state = await operation(confirmed_gone=5)
    assert state.is_completed()
    assert told == ["polled, 5 confirmed", "worked"]
