"""Turns and claims of runs, without a server: one run at a time, and a live run keeps what it has claimed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

import pytest

from cosell.dispatch.dispatcher import PATIENCE
from cosell.mapping.variables import Variables
from cosell.store import Door, Hint, HintKind, InboxEntry
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace
from tasks import inbox
from tasks.inbox import CLAIM_SECONDS, claim_hints, held_claims, settle_hints
from tasks.turns import held_turn
from tasks.workspace import _current
from tests.flows.somewhere import settings_of_nowhere

KEY = "flow:for-a-test"


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with open_workspace(settings_of_nowhere(), variables=Variables()) as opened:
        yield opened


@contextmanager
def entered(workspace: Workspace) -> Iterator[None]:
    token = _current.set(workspace)
    try:
        yield
    finally:
        _current.reset(token)


async def test_one_run_has_the_turn_and_the_next_gets_it_afterwards(workspace: Workspace) -> None:
    async with open_workspace(settings_of_nowhere(), variables=Variables()) as other:
        with entered(workspace):
            async with held_turn(KEY) as first:
                with entered(other):
                    async with held_turn(KEY) as second:
                        assert (first, second) == (True, False)
        with entered(other):
            async with held_turn(KEY) as third:
                assert third


async def test_live_run_keeps_its_claims_however_long_a_record_takes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_anew = asyncio.Event()
    extend = workspace.ledger.inbox.extend

    async def note(*given: object) -> object:
        kept = await extend(*given)  # type: ignore[arg-type]
        held_anew.set()
        return kept

    monkeypatch.setattr(workspace.ledger.inbox, "extend", note)
    monkeypatch.setattr(inbox, "HOLD_ANEW_SECONDS", 0)
    await workspace.ledger.inbox.add([Hint(door=Door.HAND, kind=HintKind.SOLUTION, record_id="a")])
    with entered(workspace):
        assert await claim_hints.fn([HintKind.SOLUTION], 1) == ["a"]
        (before,) = workspace.claims
        async with held_claims():
            await held_anew.wait()

    (after,) = workspace.claims
    assert after.claimed_until > before.claimed_until


def test_claims_are_held_anew_long_before_they_end_and_outlast_the_patience_of_the_dispatcher() -> None:
    assert inbox.HOLD_ANEW_SECONDS * 3 <= CLAIM_SECONDS
    assert PATIENCE.total_seconds() < CLAIM_SECONDS


async def test_record_in_other_hands_comes_again_soon_and_then_less_and_less_often(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    release = workspace.ledger.inbox.release

    async def note(entries: Iterable[InboxEntry], *, delay_seconds: float) -> int:
        delays.append(delay_seconds)
        return await release(entries, delay_seconds=0)

    monkeypatch.setattr(workspace.ledger.inbox, "release", note)
    await workspace.ledger.inbox.add([Hint(door=Door.HAND, kind=HintKind.SOLUTION, record_id="a")])
    with entered(workspace):
        for _ in range(6):
            assert await claim_hints.fn([HintKind.SOLUTION], 1) == ["a"]
            assert await settle_hints.fn([HintKind.SOLUTION], [], ["a"], 1) == 0

    assert delays == [5, 10, 20, 40, 60, 60]
